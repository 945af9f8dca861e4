//! Every reader of input from outside keeps its promises, for every seed and for mutations of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod vendors;

use malformed_input::{TARGETS, Target, mutated};
use serde_json::Value;

/// For each target, the seeds taken in turn.
const MUTATIONS: usize = 2000;

fn keeps_its_promises(name: &str) {
    let Target { run, seeds, .. } = TARGETS.into_iter().find(|target| target.name == name).unwrap();
    let seeds = seeds();
    seeds.iter().for_each(|seed| run(seed));
    for (number, seed) in (0..).zip(seeds.iter().cycle().take(MUTATIONS)) {
        let input = mutated(seed, number);
        let outcome = std::panic::catch_unwind(|| run(&input));
        assert!(outcome.is_ok(), "mutation {number}: {}", String::from_utf8_lossy(&input));
    }
}

/// A finding: each of these was read as a record whose ID is empty.
#[test]
fn a_reply_with_an_empty_id_is_malformed() {
    let seeds = TARGETS.into_iter().find(|target| target.name == "reply_body").unwrap().seeds;
    for seed in seeds() {
        let (question, body) = seed.split_first().unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        for name in ["id", "user_id", "Id"] {
            let emptied = emptied(serde_json::from_str(&body).unwrap(), name).to_string();
            malformed_input::reply_body(&[&[*question], emptied.as_bytes()].concat());
        }
    }
}

/// The value with every field of this name an empty text.
fn emptied(value: Value, name: &str) -> Value {
    match value {
        Value::Object(fields) => {
            let field = |(key, value): (String, Value)| {
                let value = if key == name { Value::from("") } else { emptied(value, name) };
                (key, value)
            };
            Value::Object(fields.into_iter().map(field).collect())
        }
        Value::Array(items) => items.into_iter().map(|item| emptied(item, name)).collect(),
        other => other,
    }
}

macro_rules! tests {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            keeps_its_promises(stringify!($target));
        })*

        #[test]
        fn every_target_is_tested_here_and_has_its_file_in_fuzz() {
            let names = TARGETS.map(|target| target.name);
            assert_eq!(names, [$(stringify!($target)),*]);
            for name in names {
                let file = format!("{}/../../fuzz/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
                let text = std::fs::read_to_string(file).unwrap();
                assert!(text.contains(&format!("malformed_input::{name}(input)")), "{name}");
            }
        }
    };
}

tests! {
    envelope_announcement
    auth0_event
    entra_event
    okta_event
    rest_event
    scim_event
    salesforce_event
    hubspot_event
    stripe_event
    persona_event
    handed_over_event
    sign_in
    webhook_stripe
    webhook_any
    policy_file
    reply_body
    rest_description
}
