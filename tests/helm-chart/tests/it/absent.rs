//! Values that are absent: `helm upgrade --reuse-values` takes those of an older chart, which lack the new ones; and in a file,
//! a key with nothing after it removes the default.

use serde_json::Value;

use crate::chart::{every_night, folder, render_text};
use crate::used::{at, part};

fn defaults() -> Value {
    let text = std::fs::read_to_string(folder().join("values.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// The paths of all values, without the entries of workers, jobs and tests, which may be absent.
fn paths(values: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    let mut left = vec![(String::new(), values)];
    while let Some((path, value)) = left.pop() {
        for (key, value) in value.as_object().into_iter().flatten() {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            paths.push(path.clone());
            if !["workers", "jobs", "tests"].contains(&key.as_str()) {
                left.push((path, value));
            }
        }
    }
    paths
}

#[test]
fn an_absent_value_is_refused_with_a_sentence_or_is_the_same_as_an_empty_one() {
    let mut all = paths(&defaults());
    assert!(all.len() > 150, "{}", all.len());
    if !every_night() {
        all = part(all);
    }
    for path in all {
        let values = at(&path, Value::Null).to_string();
        for example in ["production", "emulator"] {
            if let Err(said) = render_text(example, &values) {
                assert!(said.contains("These values would not work"), "{path}\n{said}");
            }
        }
    }
}

#[test]
fn an_absent_block_is_named_with_what_to_do() {
    for (block, default) in defaults().as_object().unwrap() {
        if default != "" {
            let said = render_text("minimal", &format!("{block}:")).err();
            let said = said.unwrap_or_else(|| panic!("{block} may be absent"));
            assert!(said.contains("These values would not work"), "{block}\n{said}");
            assert!(
                said.contains(block) && said.contains("use --reset-then-reuse-values"),
                "{block}\n{said}"
            );
        }
    }
}
