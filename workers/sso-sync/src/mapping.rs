//! From a provider's user to the rows that follow from it. Pure.

use postgres_store::{Announce, Identity, PersonReading, PersonStatus, Profile, RecordState};
use provider_sso::SsoUser;
use serde_json::Value;
use worker_runtime::Claim;

/// The reading of a user that is there.
pub(crate) fn present(user: SsoUser, ticket: i64, announce: Announce) -> PersonReading {
    // A struct of strings and booleans always serializes.
    let record = serde_json::to_value(&user).unwrap_or(Value::Null);
    let identities = user.identities.iter().map(|identity| Identity {
        provider: identity.provider.clone(),
        subject: identity.subject.clone(),
        connection: identity.connection.clone(),
    });
    PersonReading {
        external_id: user.id.clone(),
        version_at: user.version,
        etag: user.etag.clone(),
        state: RecordState::Present { record, identities: identities.collect(), profile: profile(user) },
        ticket,
        announce,
    }
}

/// The reading of a user that is gone. When it went is known only from an event that says so: the bound of any other
/// event would be taken for a deletion as new, and hide a user who was missing by mistake.
pub(crate) fn gone(claim: &Claim<String>, ticket: i64, announce: Announce) -> PersonReading {
    PersonReading {
        external_id: claim.subject.clone(),
        version_at: claim.not_before.filter(|_| claim.removed),
        etag: None,
        state: RecordState::Gone,
        ticket,
        announce,
    }
}

fn profile(user: SsoUser) -> Profile {
    Profile {
        status: if user.blocked { PersonStatus::Blocked } else { PersonStatus::Active },
        email: user.email,
        email_verified: user.email_verified,
        given_name: user.given_name,
        family_name: user.family_name,
        display_name: user.display_name,
        phone: user.phone,
    }
}
