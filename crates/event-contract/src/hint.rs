//! What an event from outside says: which of a provider's records to read again. A provider's own shapes are read by its crate;
//! the shape of ingress events is ours and is read here, for all of them.

use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use crate::{Envelope, IngressChange, IngressEvent};

/// The ID of a hint that names no record, and requests a full resync of the source. No source has a record of this ID.
pub const EVERYTHING: &str = "";

/// One record that an event names: a reason to fetch it again, and no more. The provider's answer decides what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordHint {
    /// The ID by which the provider's client fetches the record. The fetched record's own ID is the one to store.
    pub id: String,
    /// True if the event says that the record was deleted or merged into another.
    pub removed: bool,
    /// The record's version is not older than this; for a removed record, when that happened. A fetched record with an
    /// older version comes from a stale replica. `None`: the event has no such bound, or the records have no version.
    pub not_before: Option<OffsetDateTime>,
}

impl RecordHint {
    /// A record that was created or changed, without a bound.
    pub const fn changed(id: String) -> Self {
        Self { id, removed: false, not_before: None }
    }

    /// Every record of the source.
    pub const fn everything() -> Self {
        Self::changed(String::new())
    }

    /// The same with the ID in the provider's one spelling. `spell` is `None` for a text that is not an ID.
    ///
    /// # Errors
    /// [`UnreadableEvent::NotAnId`] with `of` for such a text: it must not become a row.
    pub fn spelled(
        self,
        of: &'static str,
        spell: impl FnOnce(&str) -> Option<String>,
    ) -> Result<Self, UnreadableEvent> {
        let id = spell(&self.id).ok_or(UnreadableEvent::NotAnId { of })?;
        Ok(Self { id, ..self })
    }
}

/// Why an event cannot be read although it should. Never quotes the event: it may hold personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableEvent {
    /// The event's `source` is not this provider's: a rule routes it to the wrong queue.
    #[error("event is not from {expected}")]
    ForeignSource {
        /// The provider that was asked to read it.
        expected: String,
    },
    /// The detail is JSON, but not of this provider's shape.
    #[error("event detail does not have the provider's shape, at line {line} column {column}")]
    Shape {
        /// Line in the detail, from 1; 0 when the fault has no place.
        line: usize,
        /// Column in the line, from 1; 0 when the fault has no place.
        column: usize,
    },
    /// An event of a known type without an ID that it must have: its record's or, for a sign-in, its own.
    #[error("event {kind} lacks the ID that it is about")]
    MissingId {
        /// The provider's name of the type, from our own list.
        kind: &'static str,
    },
    /// The event names a record by a text that this provider gives to no record.
    #[error("event names a record by a text that is not the ID of {of}")]
    NotAnId {
        /// What the text should name: `a contact of Salesforce`.
        of: &'static str,
    },
    /// The event is from another account of the provider than the one that we read: there, its record does not exist.
    #[error("event is from another account or mode than {setting} names")]
    OtherAccount {
        /// The setting that names the account that we read.
        setting: &'static str,
    },
}

impl UnreadableEvent {
    /// Keeps the place of a JSON error, and drops its text, which quotes the input.
    pub fn shape(error: &serde_json::Error) -> Self {
        Self::Shape { line: error.line(), column: error.column() }
    }
}

/// How an event about a provider's records came to the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Through `webhook-ingress` or a resync queue: read it by [`Envelope::ingress_hints`].
    Ingress,
    /// From the provider's partner event source, in the provider's own shape.
    Partner,
}

impl Envelope {
    /// The detail in a provider's shape.
    ///
    /// # Errors
    /// [`UnreadableEvent::Shape`] when it has another.
    pub fn parse_detail<T: DeserializeOwned>(&self) -> Result<T, UnreadableEvent> {
        serde_json::from_str(self.detail.get()).map_err(|error| UnreadableEvent::shape(&error))
    }

    /// The records that an event of [`Origin::Ingress`] names.
    ///
    /// # Errors
    /// [`UnreadableEvent::Shape`] when the detail is not an [`IngressEvent`], or says that events were missed: only the
    /// connector of a provider that says so reads that, by [`Self::ingress_change`].
    pub fn ingress_hints(&self) -> Result<Vec<RecordHint>, UnreadableEvent> {
        let IngressEvent { ids, change, not_before, .. } = self.parse_detail()?;
        let removed = match change {
            IngressChange::Changed => false,
            IngressChange::Deleted => true,
            IngressChange::Missed => return Err(UnreadableEvent::Shape { line: 0, column: 0 }),
        };
        Ok(ids.into_iter().map(|id| RecordHint { id, removed, not_before }).collect())
    }

    /// What an event of [`Origin::Ingress`] says of its records.
    ///
    /// # Errors
    /// [`UnreadableEvent::Shape`] when the detail is not an [`IngressEvent`].
    pub fn ingress_change(&self) -> Result<IngressChange, UnreadableEvent> {
        self.parse_detail().map(|event: IngressEvent| event.change)
    }

    /// The account that an event of [`Origin::Ingress`] is from, in the form of the provider's connector.
    ///
    /// # Errors
    /// As [`Self::ingress_change`].
    pub fn ingress_account(&self) -> Result<Option<String>, UnreadableEvent> {
        self.parse_detail().map(|event: IngressEvent| event.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(source: &str, detail: &str) -> Envelope {
        let body = format!(
            r#"{{"id":"9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa","detail-type":"x","source":"{source}",
                "time":"2026-11-20T15:10:42Z","detail":{detail}}}"#
        );
        Envelope::parse(&body).unwrap()
    }

    #[test]
    fn an_ingress_event_names_its_records() {
        let read = |detail: &str| event("coppice.ingress.scim", detail).ingress_hints();
        let hint = |id: &str| RecordHint::changed(id.to_owned());
        assert_eq!(read(r#"{"ids":["a","b"],"change":"changed"}"#), Ok(vec![hint("a"), hint("b")]));
        let removed = read(r#"{"ids":["a"],"change":"deleted","not_before":"1970-01-01T00:00:00Z"}"#);
        let expected =
            RecordHint { removed: true, not_before: Some(OffsetDateTime::UNIX_EPOCH), ..hint("a") };
        assert_eq!(removed, Ok(vec![expected]));
        for unread in [r#"{"ids":"a"}"#, r#"{"ids":[],"change":"missed"}"#] {
            assert!(matches!(read(unread), Err(UnreadableEvent::Shape { .. })), "{unread}");
        }
    }
}
