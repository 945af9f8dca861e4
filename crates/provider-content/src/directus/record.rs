//! Directus's items, and their mapping to [`Item`]. Pure.

use provider_http::json::{Json, kept};
use provider_http::lenient::time;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::cursor::Stream;
use crate::{Item, ItemKey};

/// The collection's fields, under the names that its editors gave them: in another case it is another field.
pub(crate) struct Record(Map<String, Value>);

impl Record {
    /// `None`: it is no item, or a field has two values.
    pub(crate) fn read(item: &Json) -> Option<Self> {
        let Json::Object(fields) = item else { return None };
        kept(fields).ok().map(Self)
    }

    pub(crate) fn id(&self) -> Option<String> {
        match self.0.get("id")? {
            Value::String(id) if !id.is_empty() => Some(id.clone()),
            Value::Number(id) if !id.is_f64() => Some(id.to_string()),
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
