//! What a refetch found: the input of [`Store::apply_person_readings`](crate::Store::apply_person_readings).

use event_contract::EventKind;
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::outbox::Announce;
use crate::records::identity::Identity;

/// What one refetch of one record found. Holds personal data: no `Debug`.
#[derive(Clone)]
pub struct PersonReading {
    /// The source's ID of the record. For a record that is gone, an ID that an identity of it has will do.
    pub external_id: String,
    /// What was found.
    pub state: RecordState,
    /// The source's own ordered version; for a record that is gone, when it went, where that is known.
    pub version_at: Option<OffsetDateTime>,
    /// The source's opaque version.
    pub etag: Option<String>,
    /// Number of the ticket drawn before the refetch.
    pub ticket: i64,
    /// How to announce a change that this reading makes.
    pub announce: Announce,
    /// What a change of the record means besides: announced for its person, whether or not the person's row changed.
    pub announces: Option<EventKind>,
}

impl PersonReading {
    /// The record is gone at its source.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        matches!(self.state, RecordState::Gone { .. })
    }
}

/// Whether the record is there.
#[derive(Clone)]
pub enum RecordState {
    /// It is, with this content.
    Present {
        /// What we keep of it. Keys that are called like a field are claims about the person.
        record: Value,
        /// Our key at the source, or a key that sources share.
        external_key: Option<String>,
        /// The ways to sign in that it names.
        identities: Vec<Identity>,
    },
    /// The source says that it is gone.
    Gone {
        /// The record of the same source that it was merged into, where the source says so.
        merged_into: Option<String>,
    },
}

impl RecordState {
    /// SHA-256 of what is kept of the record: equal records have equal hashes. `None` when it is gone.
    #[must_use]
    pub fn content_hash(&self) -> Option<Vec<u8>> {
        match self {
            // serde_json keeps keys sorted, so equal records have equal text.
            Self::Present { record, .. } => Some(Sha256::digest(record.to_string()).to_vec()),
            Self::Gone { .. } => None,
        }
    }
}
