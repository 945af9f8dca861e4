//! Maps a verification case to its source record. The values of a document get the names of a person's fields. Pure.

use event_contract::EventKind;
use postgres_store::RecordState;
use provider_identity::{VerificationCase, VerificationStatus};
use record_sync::FoundRecord;
use serde_json::Value;

pub(crate) fn found(case: &VerificationCase) -> FoundRecord {
    let verified = case.verification_status == VerificationStatus::Verified;
    FoundRecord {
        id: case.id.clone(),
        version_at: case.version,
        etag: None,
        state: RecordState::Present {
            // A struct of strings and one time of this era always serializes.
            record: serde_json::to_value(case).unwrap_or(Value::Null),
            external_key: case.external_key.clone(),
            identities: Vec::new(),
        },
        announces: verified.then_some(EventKind::IdentityVerified),
    }
}
