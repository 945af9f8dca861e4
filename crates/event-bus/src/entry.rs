//! One event on its way to the bus. An entry of source `coppice` can be made of an [`Announcement`] only, and any other of a
//! [`Detail`]: so an event has no field that the contract does not list.

use std::fmt;

use event_contract::{Announcement, Detail, EventKind, INTERNAL_SOURCE};

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
    /// The detail has no JSON form, or the source or detail type is empty.
    #[error("not an event: the detail must have a JSON form, source and detail type must not be empty")]
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
        detail: &impl Detail,
    ) -> Result<Self, BusEntryError> {
        let detail = serde_json::to_string(detail).map_err(|_| BusEntryError::Malformed)?;
        let entry = Self { source: source.into(), detail_type: detail_type.into(), detail };
        if entry.source == INTERNAL_SOURCE {
            return Err(BusEntryError::InternalSource);
        }
        if entry.size_bytes() > MAX_ENTRY_BYTES {
            return Err(BusEntryError::TooLarge { size_bytes: entry.size_bytes() });
        }
        if entry.source.is_empty() || entry.detail_type.is_empty() {
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
    use event_contract::IngressEvent;

    use super::*;

    fn provider(source: &str, id: &str) -> Result<BusEntry, BusEntryError> {
        BusEntry::provider(source, "RecordChanged", &IngressEvent::changed(vec![id.to_owned()]))
    }

    #[test]
    fn what_the_bus_would_refuse_is_not_made() {
        assert_eq!(
            provider("coppice.ingress.scim", "1").unwrap().detail(),
            r#"{"ids":["1"],"change":"changed"}"#
        );
        assert_eq!(provider("", "1"), Err(BusEntryError::Malformed));
        let large = "x".repeat(MAX_ENTRY_BYTES);
        assert!(matches!(provider("coppice.ingress.scim", &large), Err(BusEntryError::TooLarge { .. })));
        let without_type = BusEntry::provider("coppice.ingress.scim", "", &IngressEvent::changed(Vec::new()));
        assert_eq!(without_type, Err(BusEntryError::Malformed));
    }

    #[test]
    fn an_internal_event_cannot_be_made_of_a_provider_s_event() {
        assert_eq!(provider(INTERNAL_SOURCE, "1"), Err(BusEntryError::InternalSource));
    }

    #[test]
    fn its_debug_text_hides_the_detail() {
        let entry = provider("coppice.ingress.scim", "mara.quill@example.org").unwrap();
        assert!(!format!("{entry:?}").contains("mara"));
    }
}
