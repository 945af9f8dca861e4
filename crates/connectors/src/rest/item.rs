//! A record as the API answers it, and what a description makes of it. In: a part of a reply. Out: a [`Record`]. One odd value costs
//! its field alone; without a readable ID, the record cannot be read.

use provider_http::ProviderError;
use provider_http::json::Unread;
use provider_http::lenient::parse_time;
use serde_json::Value;
use time::OffsetDateTime;

use super::compile::ItemReader;
use super::description::TimeFormat;
use super::path::Path;
use crate::{Account, Record};

/// A record in a list of one, which is what a condition asks.
pub(crate) struct Item(Value);

impl Item {
    pub(crate) fn new(record: Value) -> Self {
        Self(Value::Array(vec![record]))
    }

    pub(crate) fn record(&self) -> &Value {
        self.0.get(0).unwrap_or(&Value::Null)
    }
}

impl ItemReader {
    /// The ID.
    ///
    /// # Errors
    /// [`ProviderError::Unreadable`]
    pub(crate) fn id(&self, item: &Item) -> Result<String, ProviderError> {
        id(&self.id, item.record()).ok_or(ProviderError::Unreadable { field: "id" })
    }

    /// Whether the record itself proves that it was deleted.
    pub(crate) fn is_gone(&self, item: &Item) -> bool {
        self.gone.as_ref().is_some_and(|gone| gone.holds(&item.0))
    }

    /// The record.
    ///
    /// # Errors
    /// As [`Self::id`].
    pub(crate) fn read(&self, item: &Item, etag: Option<String>) -> Result<Record, ProviderError> {
        let mut record = Record { etag, ..Record::of(self.id(item)?) };
        if let Some((path, format)) = &self.version {
            match time(path, *format, item.record()) {
                Ok(at) => record.version_at = at,
                Err(Unread) => record.unread.push("version".into()),
            }
        }
        if let Some(path) = &self.key {
            match path.one(item.record()) {
                Ok(None) => {}
                Ok(Some(value)) if text(value).is_some() => record.external_key = text(value),
                _ => record.unread.push("key".into()),
            }
        }
        for (field, reader) in &self.fields {
            let value = reader.read(item.record(), &item.0).unwrap_or_else(|Unread| {
                record.unread.push(field.clone().into());
                None
            });
            record.assertions.insert(field.clone(), value.unwrap_or(Value::Null));
        }
        self.read_verified_email(item, &mut record);
        Ok(record)
    }

    /// Takes the verified address in place of any other one.
    fn read_verified_email(&self, item: &Item, record: &mut Record) {
        let Some(reader) = &self.verified_email else { return };
        let read = reader.read(item.record(), &item.0).unwrap_or_else(|Unread| {
            record.unread.push("verified_email".into());
            None
        });
        let email_verified = read.is_some();
        if let Some(address) = read {
            record.assertions.insert("email".to_owned(), address);
        } else {
            record.assertions.entry("email".to_owned()).or_insert(Value::Null);
        }
        record.account = Some(Account { blocked: false, email_verified, identities: Vec::new() });
    }
}

/// An ID: a text, or a whole number.
pub(crate) fn id(path: &Path, record: &Value) -> Option<String> {
    path.one(record).ok().flatten().and_then(text)
}

/// An ID's text.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// A version.
///
/// # Errors
/// [`Unread`] for a value of another form.
pub(crate) fn time(
    path: &Path,
    format: TimeFormat,
    record: &Value,
) -> Result<Option<OffsetDateTime>, Unread> {
    let Some(value) = path.one(record)? else { return Ok(None) };
    let number = || value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let nanos = |unit: i128| number().map(|number| i128::from(number) * unit);
    let at = match format {
        TimeFormat::Rfc3339 | TimeFormat::Sql => value.as_str().and_then(parse_time),
        TimeFormat::Unix => {
            nanos(1_000_000_000).and_then(|at| OffsetDateTime::from_unix_timestamp_nanos(at).ok())
        }
        TimeFormat::UnixMs => {
            nanos(1_000_000).and_then(|at| OffsetDateTime::from_unix_timestamp_nanos(at).ok())
        }
    };
    at.map(Some).ok_or(Unread)
}

/// A value that a field can have: a text, a number, a flag, or an object, which only an address may be. A list of one is its item.
///
/// # Errors
/// [`Unread`] for a list of several that differ.
pub(crate) fn plain(value: &Value) -> Result<Option<Value>, Unread> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::Array(items) => match items.as_slice() {
            [] => Ok(None),
            [first, others @ ..] if !first.is_array() && others.iter().all(|other| other == first) => {
                plain(first)
            }
            _ => Err(Unread),
        },
        Value::Object(parts) => {
            let empty = parts.values().all(|part| part.is_null() || part.as_str() == Some(""));
            Ok((!empty).then(|| value.clone()))
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) => Ok(Some(value.clone())),
    }
}
