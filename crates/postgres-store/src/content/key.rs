//! How an item is named, and how its texts are stored.

use serde_json::Value;

/// What one cursor reads. Items, listings and counts belong to it: another scope may have the same IDs for other items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentScope<'a> {
    /// The source's stable name.
    pub source: &'a str,
    /// The part of the source: a space and its environment, or a collection of one server.
    pub scope: &'a str,
}

/// Names an item in its scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentKey {
    /// The namespace within which IDs are unique: `entry`, `asset`, or the name of a collection.
    pub collection: String,
    /// The source's ID.
    pub external_id: String,
}

pub(super) fn storable_text(text: &str) -> String {
    // Postgres cannot store NUL, and one NUL in one item must not block all items behind it.
    text.replace('\0', "\u{fffd}")
}

pub(super) fn storable(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(storable_text(&text)),
        Value::Array(values) => Value::Array(values.into_iter().map(storable).collect()),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (storable_text(&name), storable(value)));
            Value::Object(fields.collect())
        }
        other => other,
    }
}
