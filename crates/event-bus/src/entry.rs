//! One event on its way to the bus. An entry of source `coppice` can be made of an [`Announcement`] only.

use std::fmt;

use event_contract::{Announcement, EventKind, INTERNAL_SOURCE};
use serde_json::value::RawValue;

/// As EventBridge counts it. Ten of them fit even the older limit of 256 KB for one call, and IDs need far less.
pub const MAX_ENTRY_BYTES: usize = 25_600;

const TIME_BYTES: usize = 14;

/// One event to publish.
#[derive(Clone, PartialEq, Eq)]
pub struct BusEntry {
    source: String,
    detail_type: String,
    detail: String,
}

/// Why an entry cannot be made. Never quotes the detail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusEntryError {
    /// Larger than [`MAX_ENTRY_BYTES`].
    #[error("event of {size_bytes} bytes is over {MAX_ENTRY_BYTES}")]
    TooLarge {
        /// As EventBridge counts it.
        size_bytes: usize,
    },
    /// The detail is not a JSON object, or the source or detail type is empty.
    #[error("not an event: the detail must be a JSON object, source and detail type must not be empty")]
    Malformed,
    /// The source is that of internal events.
    #[error("internal events are made of announcements only")]
    InternalSource,
}

impl BusEntry {
    /// An internal event.
    pub fn announcement(kind: EventKind, announcement: &Announcement) -> Self {
        Self {
            source: INTERNAL_SOURCE.to_owned(),
            detail_type: kind.detail_type().to_owned(),
            detail: announcement.to_detail(),
        }
    }

    /// An event from outside, as an ingress puts it on the bus.
    ///
    /// # Errors
    /// [`BusEntryError`] for what EventBridge would refuse, and for an internal event in disguise.
    pub fn provider(
        source: impl Into<String>,
        detail_type: impl Into<String>,
        detail: impl Into<String>,
    ) -> Result<Self, BusEntryError> {
        let entry = Self { source: source.into(), detail_type: detail_type.into(), detail: detail.into() };
        if entry.source == INTERNAL_SOURCE {
            return Err(BusEntryError::InternalSource);
        }
        if entry.size_bytes() > MAX_ENTRY_BYTES {
            return Err(BusEntryError::TooLarge { size_bytes: entry.size_bytes() });
        }
        if entry.source.is_empty() || entry.detail_type.is_empty() || !is_json_object(&entry.detail) {
            return Err(BusEntryError::Malformed);
        }
        Ok(entry)
    }

    /// Who sends it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The kind of event within its source.
    pub fn detail_type(&self) -> &str {
        &self.detail_type
    }

    /// A JSON object.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    fn size_bytes(&self) -> usize {
        // <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html>
        TIME_BYTES + self.source.len() + self.detail_type.len() + self.detail.len()
    }
}

fn is_json_object(text: &str) -> bool {
    text.trim_start().starts_with('{') && serde_json::from_str::<&RawValue>(text).is_ok()
}

impl fmt::Debug for BusEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the detail: of a provider's event it may hold anything.
        f.debug_struct("BusEntry")
            .field("source", &self.source)
            .field("detail_type", &self.detail_type)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(source: &str, detail: &str) -> Result<BusEntry, BusEntryError> {
        BusEntry::provider(source, "RecordChanged", detail)
    }

    #[test]
    fn what_the_bus_would_refuse_is_not_made() {
        assert!(provider("coppice.ingress.scim", r#"{"ids":["1"]}"#).is_ok());
        for detail in ["", "[]", "{", r#""text""#, "{} {}"] {
            assert_eq!(provider("coppice.ingress.scim", detail), Err(BusEntryError::Malformed), "{detail}");
        }
        assert_eq!(provider("", "{}"), Err(BusEntryError::Malformed));
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_ENTRY_BYTES));
        assert!(matches!(provider("coppice.ingress.scim", &large), Err(BusEntryError::TooLarge { .. })));
    }

    #[test]
    fn an_internal_event_cannot_be_made_of_a_provider_s_json() {
        assert_eq!(provider(INTERNAL_SOURCE, "{}"), Err(BusEntryError::InternalSource));
    }

    #[test]
    fn its_debug_text_hides_the_detail() {
        let entry = provider("coppice.ingress.scim", r#"{"mail":"mara.quill@example.org"}"#).unwrap();
        assert!(!format!("{entry:?}").contains("mara"));
    }
}
