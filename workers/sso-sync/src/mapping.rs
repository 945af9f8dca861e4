//! From a provider's user to its source record: the user's fields are called as a person's. Pure.

use postgres_store::{Identity, RecordState};
use provider_sso::SsoUser;
use record_sync::FoundRecord;
use serde_json::Value;

/// What is kept of a user.
pub(crate) fn found(user: &SsoUser) -> FoundRecord {
    let identities = user.identities.iter().map(|identity| Identity {
        provider: identity.provider.clone(),
        subject: identity.subject.clone(),
        connection: identity.connection.clone(),
    });
    FoundRecord {
        id: user.id.clone(),
        version_at: user.version,
        etag: user.etag.clone(),
        state: RecordState::Present {
            // A struct of strings and booleans always serializes.
            record: serde_json::to_value(user).unwrap_or(Value::Null),
            external_key: user.external_key.clone(),
            identities: identities.collect(),
        },
    }
}
