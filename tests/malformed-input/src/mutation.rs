//! Changes of a well-formed input: of its JSON, if it has some, and of its bytes.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::MARKER;

/// Texts that break JSON.
const SPLINTERS: [&[u8]; 12] = [
    b"\"",
    b"{",
    b"[[[[[[[[[[[[[[[[",
    b"}",
    b",",
    b"\\u0000",
    b"\\ud800",
    b"99999999999999999999",
    b"-1e999",
    b"\xff",
    b"\n\n",
    MARKER.as_bytes(),
];

/// The input with a few changes. The same number makes the same changes.
pub fn mutated(input: &[u8], number: u64) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(number);
    let start = input.iter().position(|byte| matches!(byte, b'{' | b'[')).unwrap_or(input.len());
    let (head, body) = input.split_at(start);
    let mut bytes = input.to_vec();
    if let Ok(mut value) = serde_json::from_slice::<Value>(body)
        && random.random_bool(0.7)
    {
        for _ in 0..random.random_range(1..4) {
            change(&mut value, &mut random);
        }
        bytes = [head, value.to_string().as_bytes()].concat();
        if random.random_bool(0.7) {
            return bytes;
        }
    }
    for _ in 0..random.random_range(1..5) {
        splinter(&mut bytes, &mut random);
    }
    bytes
}

/// Changes one place in a value.
fn change(value: &mut Value, random: &mut StdRng) {
    let mut place = random.random_range(0..count(value));
    let Some(found) = nth(value, &mut place) else { return };
    if let Value::Object(fields) = found
        && !fields.is_empty()
        && random.random_bool(0.5)
    {
        let name = fields.keys().nth(random.random_range(0..fields.len())).cloned().unwrap_or_default();
        fields.remove(&name);
        return;
    }
    let same = found.clone();
    let values = [
        json!(null),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!(" "),
        json!(MARKER),
        json!("\u{0}\u{feff}\u{202e}"),
        json!("x".repeat(300)),
        json!("2026-02-30T25:61:61Z"),
        json!("-9999-01-01T00:00:00+23:59"),
        json!([]),
        json!({}),
        json!(true),
        json!([same.clone(), same]),
    ];
    *found = values[random.random_range(0..values.len())].clone();
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

fn nth<'a>(value: &'a mut Value, place: &mut usize) -> Option<&'a mut Value> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, place)),
        Value::Object(fields) => fields.values_mut().find_map(|field| nth(field, place)),
        _ => None,
    }
}

fn splinter(bytes: &mut Vec<u8>, random: &mut StdRng) {
    let at = random.random_range(0..=bytes.len());
    let end = (at + random.random_range(0..40)).min(bytes.len());
    match random.random_range(0..6) {
        0 => drop(bytes.splice(at..at, SPLINTERS[random.random_range(0..SPLINTERS.len())].iter().copied())),
        1 => drop(bytes.drain(at..end)),
        2 => {
            let twice = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, twice));
        }
        3 => bytes.truncate(at),
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.random_range(0..8);
            }
        }
    }
}
