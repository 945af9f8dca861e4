//! EventBridge's patterns, as far as the rules use them:
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>. A value that no rule uses panics.

use serde_json::{Map, Value};

/// Whether the pattern takes the event.
pub(crate) fn takes(pattern: &Value, event: &Value) -> bool {
    all(pattern.as_object().unwrap(), &[event])
}

/// `values`: the value of the field, or those of all entries of a list of objects.
fn all(pattern: &Map<String, Value>, values: &[&Value]) -> bool {
    pattern.iter().all(|(field, wanted)| match (field.as_str(), wanted) {
        ("$or", Value::Array(alternatives)) => {
            alternatives.iter().any(|alternative| all(alternative.as_object().unwrap(), values))
        }
        (field, Value::Object(below)) => all(below, &of_field(values, field)),
        (field, Value::Array(choices)) => {
            let found = of_field(values, field);
            choices.iter().any(|choice| is_chosen(choice, &found))
        }
        (field, other) => panic!("{field}: {other}"),
    })
}

fn of_field<'a>(values: &[&'a Value], field: &str) -> Vec<&'a Value> {
    let flat = |value: &'a Value| match value {
        Value::Array(items) => items.iter().collect(),
        other => vec![other],
    };
    values.iter().filter_map(|value| value.get(field)).flat_map(flat).collect()
}

fn is_chosen(choice: &Value, found: &[&Value]) -> bool {
    match choice {
        Value::Object(operator) => {
            let (name, argument) = operator.iter().next().unwrap();
            match name.as_str() {
                // Only a leaf exists.
                "exists" => found.iter().any(|value| !value.is_object()) == argument.as_bool().unwrap(),
                "prefix" => found.iter().any(|value| {
                    value.as_str().is_some_and(|text| text.starts_with(argument.as_str().unwrap()))
                }),
                "anything-but" => found.iter().any(|value| !argument.as_array().unwrap().contains(value)),
                other => panic!("{other}"),
            }
        }
        exact => found.contains(&exact),
    }
}

#[test]
fn patterns_are_matched_as_eventbridge_does() {
    use serde_json::json;
    for (pattern, event, taken) in [
        (json!({"a": ["x", "y"]}), json!({"a": "y"}), true),
        (json!({"a": ["x"]}), json!({}), false),
        (json!({"a": {"b": [{"exists": true}]}}), json!({"a": {"b": null}}), true),
        (json!({"a": {"b": [{"exists": true}]}}), json!({"a": "b"}), false),
        (json!({"a": {"b": [{"exists": false}]}}), json!({}), true),
        (json!({"a": {"b": ["x"]}}), json!({"a": [{"b": "w"}, {"b": "x"}]}), true),
        (json!({"a": [{"prefix": "x."}]}), json!({"a": "x.y"}), true),
        (json!({"a": [{"anything-but": ["x"]}]}), json!({"a": "x"}), false),
        (json!({"a": [{"anything-but": ["x"]}]}), json!({"a": "y"}), true),
        (json!({"$or": [{"a": ["x"]}, {"b": [{"exists": false}]}]}), json!({"a": "y", "b": 1}), false),
        (json!({"$or": [{"a": ["x"]}, {"b": [{"exists": false}]}]}), json!({"a": "y"}), true),
    ] {
        assert_eq!(takes(&pattern, &event), taken, "{pattern} {event}");
    }
}
