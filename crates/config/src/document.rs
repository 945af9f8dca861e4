//! A TOML text as JSON, with the place of each value: the checks work on JSON, and a fault names line and column.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Value, json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::Fault;

/// A document and the places of its values, by JSON pointer.
pub(crate) struct Document<'a> {
    text: &'a str,
    pub(crate) value: Value,
    spans: BTreeMap<String, Range<usize>>,
}

impl<'a> Document<'a> {
    /// Reads a text.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Vec<Fault>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let fault = |error: &toml::de::Error| {
                let place = error.span().map(|span| place(text, span.start));
                Fault { path: String::new(), place, message: error.message().to_owned() }
            };
            return Err(errors.iter().map(fault).collect());
        }
        let mut spans = BTreeMap::new();
        let value = table_value(table.get_ref(), "", &mut spans);
        Ok(Self { text, value, spans })
    }

    /// A fault of the value at a pointer, or of what is missing there.
    pub(crate) fn fault(&self, pointer: &str, message: impl Into<String>) -> Fault {
        // The place of the nearest table, if the value itself is missing.
        let mut known = pointer;
        let span = loop {
            match self.spans.get(known) {
                Some(span) => break Some(span.start),
                None => match known.rsplit_once('/') {
                    Some((parent, _)) => known = parent,
                    None => break None,
                },
            }
        };
        let place = span.map(|at| place(self.text, at));
        Fault { path: dotted(pointer), place, message: message.into() }
    }
}

/// `/sources/auth0/url` as `sources.auth0.url`.
fn dotted(pointer: &str) -> String {
    let keys = pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~"));
    keys.collect::<Vec<_>>().join(".")
}

/// Line and column of a byte, from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, before.chars().rev().take_while(|one| *one != '\n').count() + 1)
}

pub(crate) fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn table_value(table: &DeTable<'_>, pointer: &str, spans: &mut BTreeMap<String, Range<usize>>) -> Value {
    let mut object = Map::new();
    for (key, item) in table {
        let own = below(pointer, key.get_ref());
        // The key's place: that of a table's value is its first entry.
        spans.insert(own.clone(), key.span());
        object.insert(key.get_ref().to_string(), value_of(item, &own, spans));
    }
    Value::Object(object)
}

/// Helm holds every number as a float, and writes 10 as 10.0.
fn whole(number: Option<f64>) -> Value {
    match number {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the bounds")]
        Some(number) if number.fract() == 0.0 && number.abs() < 9e15 => json!(number as i64),
        number => json!(number),
    }
}

fn value_of(item: &Spanned<DeValue<'_>>, pointer: &str, spans: &mut BTreeMap<String, Range<usize>>) -> Value {
    match item.get_ref() {
        DeValue::String(text) => json!(text),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            parsed.map_or_else(|_| json!(number.as_str()), |number| json!(number))
        }
        DeValue::Float(number) => whole(number.as_str().parse().ok()),
        DeValue::Boolean(flag) => json!(flag),
        DeValue::Datetime(at) => json!(at.to_string()),
        DeValue::Array(items) => {
            let mut list = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let own = format!("{pointer}/{index}");
                spans.insert(own.clone(), item.span());
                list.push(value_of(item, &own, spans));
            }
            Value::Array(list)
        }
        DeValue::Table(table) => table_value(table, pointer, spans),
    }
}
