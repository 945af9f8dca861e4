//! Directus's items, and their mapping to [`Item`]. Pure.

use provider_http::lenient::time;
use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::cursor::Stream;
use crate::{Item, ItemKey};

#[derive(Deserialize)]
pub(crate) struct Reply<T> {
    pub(crate) data: Vec<T>,
}

#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Record(Map<String, Value>);

#[derive(Deserialize)]
pub(crate) struct Aggregate {
    count: Value,
}

impl Aggregate {
    pub(crate) fn count(&self) -> Option<u64> {
        // Some database drivers return it as a text.
        self.count.as_u64().or_else(|| self.count.as_str()?.parse().ok())
    }
}

impl Record {
    pub(crate) fn id(&self) -> Option<String> {
        match self.0.get("id")? {
            Value::String(id) if !id.is_empty() => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        }
    }

    /// When it was created or updated, if that can be read.
    pub(crate) fn time(&self, stream: Stream) -> Option<OffsetDateTime> {
        time(self.0.get(stream.field()))
    }

    /// `None`: the item has no ID.
    pub(crate) fn item(self, collection: &str) -> Option<Item> {
        let (updated, created) = (self.time(Stream::Updated), self.time(Stream::Created));
        Some(Item {
            key: ItemKey { collection: collection.to_owned(), id: self.id()? },
            content_type: collection.to_owned(),
            locales: Vec::new(),
            published: self.is_published(),
            revision: None,
            version: updated.or(created),
            body: Value::Object(self.0),
        })
    }

    fn is_published(&self) -> bool {
        // All items of a collection without a status are published.
        self.0.get("status").is_none_or(|status| status == "published")
    }
}
