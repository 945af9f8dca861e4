//! The internal events, all of them, and the one shape they have.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::envelope::EnvelopeError;
use crate::{Envelope, TraceContext};

/// `source` of every event that Coppice emits. Rules match on it.
pub const INTERNAL_SOURCE: &str = "coppice";

/// Version of [`Announcement`]'s JSON form. A reader refuses a newer version. It rises when an older reader would misunderstand
/// the event, and not with a new field: a reader ignores a field that it does not know, because during an upgrade units of two
/// versions share the queues.
pub const SCHEMA_VERSION: u16 = 1;

/// An announcement's JSON is never longer than this. `PutEvents` would take far more; this is our own promise.
pub const MAX_DETAIL_BYTES: usize = 1024;

/// Every kind of internal event: the catalogue. The text is the EventBridge `detail-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// A person's row changed, or the values that we push to the CRM. From `sso-sync`, `crm-sync`,
    /// `identity-verification`, `registry-sync`, `app-login`, `coppice`; to `crm-account`.
    PersonChanged,
    /// A sign-in to an application was recorded. From `app-login`.
    AppLoginRecorded,
    /// A person's verification reached a result. From `identity-verification`, and `coppice` when a link moves one; to
    /// `crm-account`.
    IdentityVerified,
    /// A person has a CRM account. From `crm-account`.
    CrmAccountLinked,
    /// A content item changed. From `content-etl`.
    ContentChanged,
}

impl EventKind {
    /// The whole catalogue.
    pub const ALL: [Self; 5] = [
        Self::PersonChanged,
        Self::AppLoginRecorded,
        Self::IdentityVerified,
        Self::CrmAccountLinked,
        Self::ContentChanged,
    ];

    /// The `detail-type` on the bus: stable, whatever the variant is called.
    pub const fn detail_type(self) -> &'static str {
        match self {
            Self::PersonChanged => "PersonChanged",
            Self::AppLoginRecorded => "AppLoginRecorded",
            Self::IdentityVerified => "IdentityVerified",
            Self::CrmAccountLinked => "CrmAccountLinked",
            Self::ContentChanged => "ContentChanged",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail_type())
    }
}

impl FromStr for EventKind {
    type Err = ContractError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.detail_type() == text).ok_or(ContractError::UnknownKind)
    }
}

/// How many events led to this one. The limit ends a loop of two workers that answer each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hop(u8);

impl Hop {
    /// The longest chain of internal events. The product needs two (`PersonChanged` → `CrmAccountLinked`); over four is a loop.
    pub const MAX: Self = Self(4);

    /// The hop of an event from outside.
    pub const OUTSIDE: Self = Self(0);

    /// The hop of an event that this one causes.
    ///
    /// # Errors
    /// [`ContractError::HopLimit`] when the chain is already [`Hop::MAX`] long: the event is dead-lettered, not sent.
    pub fn next(self) -> Result<Self, ContractError> {
        if self >= Self::MAX { Err(ContractError::HopLimit { hop: self.0 }) } else { Ok(Self(self.0 + 1)) }
    }

    /// The number, for a row or a log line.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Reads a stored number.
    ///
    /// # Errors
    /// [`ContractError::HopLimit`] when it is over [`Hop::MAX`].
    pub fn from_stored(hop: i16) -> Result<Self, ContractError> {
        match u8::try_from(hop) {
            Ok(hop) if hop <= Self::MAX.0 => Ok(Self(hop)),
            _ => Err(ContractError::HopLimit { hop: u8::try_from(hop).unwrap_or(u8::MAX) }),
        }
    }
}

/// One internal event: which entity, at which revision, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema: u16,
    /// UUIDv7 of this event: the same in every copy of it.
    pub event_id: Uuid,
    /// Our ID of the person, login or content item that changed.
    pub entity_id: Uuid,
    /// The entity's revision after the change: rises by one with each.
    pub revision: i64,
    /// The event that led here: an EventBridge event ID, or another announcement's `event_id`.
    pub cause: Uuid,
    /// Length of the chain of internal events, this one included.
    pub hop: Hop,
    /// W3C trace context.
    pub traceparent: TraceContext,
}

/// Why an internal event is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ContractError {
    /// The body is not an EventBridge event, or its detail not an announcement.
    #[error(transparent)]
    Unreadable(#[from] EnvelopeError),
    /// From another source than [`INTERNAL_SOURCE`].
    #[error("not an internal event")]
    ForeignSource,
    /// A `detail-type` that is not in [`EventKind::ALL`].
    #[error("unknown kind of internal event")]
    UnknownKind,
    /// Written by a newer Coppice in a form that this one cannot read.
    #[error("schema version {schema} is newer than {SCHEMA_VERSION}")]
    NewerSchema {
        /// What the event says.
        schema: u16,
    },
    /// The chain of events is too long: two workers answer each other.
    #[error("event chain of {hop} hops: is there a loop?")]
    HopLimit {
        /// Hops so far.
        hop: u8,
    },
}

impl Announcement {
    /// Reads the announcement out of an event, with its kind.
    ///
    /// # Errors
    /// Any [`ContractError`]; none of them quotes the event.
    pub fn parse(envelope: &Envelope) -> Result<(EventKind, Self), ContractError> {
        if envelope.source != INTERNAL_SOURCE {
            return Err(ContractError::ForeignSource);
        }
        let kind: EventKind = envelope.detail_type.parse()?;
        let announcement: Self =
            serde_json::from_str(envelope.detail.get()).map_err(|error| EnvelopeError::from_json(&error))?;
        if announcement.schema > SCHEMA_VERSION {
            return Err(ContractError::NewerSchema { schema: announcement.schema });
        }
        if announcement.hop > Hop::MAX {
            return Err(ContractError::HopLimit { hop: announcement.hop.get() });
        }
        Ok((kind, announcement))
    }

    /// The JSON for `PutEvents`' `Detail`.
    pub fn to_detail(&self) -> String {
        serde_json::to_string(self)
            .unwrap_or_else(|_| unreachable!("numbers, UUIDs and hex digits are valid JSON"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement() -> Announcement {
        Announcement {
            schema: SCHEMA_VERSION,
            event_id: Uuid::max(),
            entity_id: Uuid::max(),
            revision: i64::MAX,
            cause: Uuid::max(),
            hop: Hop::MAX,
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap(),
        }
    }

    fn envelope(detail_type: &str, detail: &str) -> Envelope {
        Envelope::parse(&format!(
            r#"{{"id":"9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa","detail-type":"{detail_type}","source":"coppice",
               "time":"2026-11-20T15:10:42Z","detail":{detail}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn the_largest_announcement_fits_its_bound() {
        assert!(announcement().to_detail().len() <= MAX_DETAIL_BYTES);
    }

    #[test]
    fn every_kind_survives_the_bus() {
        for kind in EventKind::ALL {
            let event = envelope(kind.detail_type(), &announcement().to_detail());
            assert_eq!(Announcement::parse(&event), Ok((kind, announcement())));
        }
    }

    /// Bodies as they were once sent: units of another version may have written what is in a queue.
    #[test]
    fn a_stored_event_of_each_kind_is_read_and_written_as_it_was() {
        let expected = Announcement {
            schema: 1,
            event_id: Uuid::from_u128(0x019cac5a_0000_7000_8000_000000000001),
            entity_id: Uuid::from_u128(0x019cac5a_0000_7000_8000_000000000002),
            revision: 7,
            cause: Uuid::from_u128(0x019cac5a_0000_7000_8000_000000000003),
            hop: Hop(1),
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap(),
        };
        let samples =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/cloudformation/sample-events/internal.");
        for kind in EventKind::ALL {
            let text = std::fs::read_to_string(format!("{samples}{kind}.json")).unwrap();
            let sample: serde_json::Value = serde_json::from_str(&text).unwrap();
            let envelope = Envelope::parse(&sample["event"].to_string()).unwrap();
            assert_eq!(Announcement::parse(&envelope), Ok((kind, expected.clone())));
            let written: serde_json::Value = serde_json::from_str(&expected.to_detail()).unwrap();
            assert_eq!(written, sample["event"]["detail"]);
        }
    }

    #[test]
    fn a_field_that_could_hold_data_is_not_read() {
        let detail = announcement().to_detail().replacen('{', r#"{"email":"mara.quill@example.org","#, 1);
        let (_, read) = Announcement::parse(&envelope("PersonChanged", &detail)).unwrap();
        assert_eq!(read.to_detail(), announcement().to_detail());
        let wrong = detail.replace(r#""revision":"#, r#""revision":"mara.quill@example.org","before":"#);
        let error = Announcement::parse(&envelope("PersonChanged", &wrong)).unwrap_err();
        assert!(matches!(error, ContractError::Unreadable(_)));
        assert!(!error.to_string().contains("mara"));
    }

    #[test]
    fn only_a_newer_schema_is_refused() {
        let parse = |schema: u16| {
            let detail = Announcement { schema, ..announcement() }.to_detail();
            Announcement::parse(&envelope("PersonChanged", &detail)).map(|(_, read)| read.schema)
        };
        assert_eq!(parse(SCHEMA_VERSION - 1), Ok(SCHEMA_VERSION - 1));
        let newer = SCHEMA_VERSION + 1;
        assert_eq!(parse(newer), Err(ContractError::NewerSchema { schema: newer }));
    }

    #[test]
    fn a_stored_hop_is_read_up_to_the_limit() {
        for stored in 0..=4 {
            assert_eq!(Hop::from_stored(stored).map(|hop| i16::from(hop.get())), Ok(stored));
        }
        assert_eq!(Hop::from_stored(5), Err(ContractError::HopLimit { hop: 5 }));
        for no_hop in [-1, 256, i16::MAX] {
            assert!(Hop::from_stored(no_hop).is_err(), "{no_hop}");
        }
    }

    #[test]
    fn a_chain_ends_at_the_limit() {
        let mut hop = Hop::OUTSIDE;
        for expected in 1..=4 {
            hop = hop.next().unwrap();
            assert_eq!(hop.get(), expected);
        }
        assert_eq!(hop.next(), Err(ContractError::HopLimit { hop: 4 }));
        let detail = announcement().to_detail().replace(r#""hop":4"#, r#""hop":5"#);
        let refused = Announcement::parse(&envelope("PersonChanged", &detail));
        assert_eq!(refused, Err(ContractError::HopLimit { hop: 5 }));
    }
}
