//! What a refetch found: the input of [`Store::apply_person_readings`](crate::Store::apply_person_readings).

use event_contract::EventKind;
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::outbox::Announce;
use crate::records::identity::Identity;

/// The result of one refetch of one record. Holds personal data: no `Debug`.
#[derive(Clone)]
pub struct PersonReading {
    /// The source's ID of the record. For a record that is gone, the subject of one of its identities is enough.
    pub external_id: String,
    /// The state at the source.
    pub state: RecordState,
    /// The source's own ordered version. For a record that is gone: when it was deleted, if known.
    pub version_at: Option<OffsetDateTime>,
    /// The source's entity tag.
    pub etag: Option<String>,
    /// Number of the ticket that was drawn before the refetch.
    pub ticket: i64,
    /// How to announce changes.
    pub announce: Announce,
    /// Announced for the record's person if the record changed, whether or not the person's row changed.
    pub announces: Option<EventKind>,
}

impl PersonReading {
    /// Whether its source does not show the record, without a proof that it is gone.
    pub const fn is_missing(&self) -> bool {
        matches!(self.state, RecordState::Missing)
    }

    /// Whether the record is gone at its source.
    pub const fn is_gone(&self) -> bool {
        matches!(self.state, RecordState::Gone { .. })
    }
}

/// The state of the record at its source.
#[derive(Clone)]
pub enum RecordState {
    /// It exists.
    Present {
        /// The part that we keep. Keys named like a field are assertions about the person.
        record: Value,
        /// Our key at the source, or a key that several sources share.
        external_key: Option<String>,
        /// The identities that it names.
        identities: Vec<Identity>,
    },
    /// It is gone.
    Gone {
        /// The record of the same source into which it was merged, if the source says so.
        merged_into: Option<String>,
        /// The source said that it was deleted. Otherwise it only did not find it.
        proved: bool,
    },
    /// The source does not show it, which proves nothing. What is stored stays, and the record is listed as missing.
    Missing,
}

impl RecordState {
    /// SHA-256 of the kept part: equal records have equal hashes. `None`: it is gone.
    pub fn content_hash(&self) -> Option<Vec<u8>> {
        match self {
            // serde_json keeps keys sorted, so equal records have equal text.
            Self::Present { record, .. } => Some(Sha256::digest(record.to_string()).to_vec()),
            Self::Gone { .. } | Self::Missing => None,
        }
    }
}
