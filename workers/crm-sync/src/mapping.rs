//! Maps a contact to its source record. The fields of both have the names of a person's fields. Pure.

use postgres_store::RecordState;
use provider_crm::CrmContact;
use record_sync::FoundRecord;
use serde_json::Value;

pub(crate) fn found(contact: &CrmContact) -> FoundRecord {
    FoundRecord {
        id: contact.id.clone(),
        version_at: contact.version,
        etag: None,
        state: RecordState::Present {
            // A struct of strings always serializes.
            record: serde_json::to_value(contact).unwrap_or(Value::Null),
            external_key: contact.external_key.clone(),
            identities: Vec::new(),
        },
        announces: None,
    }
}
