//! The tables of `docs/reference/coppice-toml.md`: every key of the file with its meaning, from the schema of `coppice.toml`, and
//! every connector with the ways in which its sources send changes.

use std::fmt::Write as _;

use connectors::{CONNECTORS, Connector};
use serde_json::{Map, Value};

/// The marks of the page, and what belongs between each pair.
pub(crate) fn parts() -> [(&'static str, String); 3] {
    let schema = config::schema();
    [
        ("sources", common_keys(&schema)),
        ("connectors", connectors(&schema)),
        ("fields", other_tables(&schema)),
    ]
}

const HEAD: &str = "| key | value | default | meaning |\n|---|---|---|---|\n";

fn common_keys(schema: &Value) -> String {
    table(&schema["properties"]["sources"]["additionalProperties"], |_| true)
}

fn connectors(schema: &Value) -> String {
    let source = &schema["properties"]["sources"]["additionalProperties"];
    let mut text = String::new();
    for connector in CONNECTORS {
        let of_connector = source["allOf"].as_array().into_iter().flatten();
        let mut own = of_connector.filter(|own| {
            own.pointer("/if/properties/connector/const").and_then(Value::as_str) == Some(connector.name)
        });
        let own = own.next().map_or(&Value::Null, |own| &own["then"]);
        let _ = write!(text, "### {}\n\n{}\n\n", connector.name, about(connector));
        text += &table(own, |key| source["properties"].get(key).is_none());
        text.push('\n');
    }
    text
}

/// `Okta. Role sso. Sends changes as partner events and as webhooks.`
fn about(connector: &Connector) -> String {
    let roles: Vec<String> = connector.roles.iter().map(|role| format!("`{}`", role.as_str())).collect();
    let sends = match (connector.partner, &connector.webhook) {
        (Some(partner), Some(_)) => format!("as partner events (`{}…`) or as webhooks", partner.prefix),
        (Some(partner), None) => format!("as partner events (`{}…`)", partner.prefix),
        (None, Some(_)) => String::from("as webhooks"),
        (None, None) => String::from("in no way: only a resync finds them"),
    };
    let pushed = if connector.takes.is_some() { " Accepts our values (`[push]`)." } else { "" };
    format!("{}, role {}. Sends changes {sends}.{pushed}", connector.vendor, roles.join(" or "))
}

/// The tables beside `sources`.
fn other_tables(schema: &Value) -> String {
    let of_each = |name: &str| &schema["properties"][name]["additionalProperties"];
    let of_one = |name: &str| &schema["properties"][name];
    let tables = [
        ("[fields.<name>]", of_each("fields")),
        ("[phones]", of_one("phones")),
        ("[linking]", of_one("linking")),
        ("[push.<source>]", of_each("push")),
    ];
    tables.map(|(name, keys)| format!("`{name}`\n\n{}\n", table(keys, |_| true))).concat()
}

/// A row for each key of a table, first those that must be there.
fn table(schema: &Value, shown: impl Fn(&str) -> bool) -> String {
    let empty = Map::new();
    let keys = schema["properties"].as_object().unwrap_or(&empty);
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (first, then): (Vec<_>, Vec<_>) =
        keys.iter().filter(|(key, _)| shown(key)).partition(|(key, _)| required.contains(&key.as_str()));
    let mut rows = String::from(HEAD);
    for (key, own) in first.into_iter().chain(then) {
        let default = if required.contains(&key.as_str()) { String::from("required") } else { default(own) };
        let meaning = own["description"].as_str().unwrap_or_default().replace('\n', " ");
        let _ = writeln!(rows, "| `{key}` | {} | {default} | {meaning} |", value(own));
    }
    rows
}

fn default(own: &Value) -> String {
    match &own["default"] {
        Value::Null => String::from("–"),
        Value::Array(items) if items.is_empty() => String::from("–"),
        Value::Object(keys) if keys.is_empty() => String::from("–"),
        other => format!("`{other}`"),
    }
}

/// What may be written for a key.
fn value(own: &Value) -> String {
    let words = |list: &Value| {
        let words = list.as_array().into_iter().flatten();
        let words = words.map(|word| word.get("const").unwrap_or(word)).filter_map(Value::as_str);
        words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
    };
    if !own["enum"].is_null() {
        return words(&own["enum"]);
    }
    if !own["oneOf"].is_null() {
        return words(&own["oneOf"]);
    }
    // What may be left out is this, or null.
    if let Some(first) = own["anyOf"].get(0) {
        return value(first);
    }
    let kinds = own["type"].as_array().map_or_else(|| vec![&own["type"]], |kinds| kinds.iter().collect());
    match kinds.first().and_then(|kind| kind.as_str()) {
        _ if own.pointer("/properties/secret").is_some() => String::from("secret"),
        Some("array") if !own["items"]["enum"].is_null() => {
            format!("list of {}", words(&own["items"]["enum"]))
        }
        Some("array") if own.pointer("/items/properties/secret").is_some() => String::from("list of secrets"),
        Some("array") => String::from("list of texts"),
        Some("object") => String::from("table of texts"),
        Some("boolean") => String::from("`true`, `false`"),
        Some("integer") => format!("{} to {}", own["minimum"], own["maximum"]),
        _ if own["format"] == "uri" => String::from("URL"),
        _ => String::from("text"),
    }
}
