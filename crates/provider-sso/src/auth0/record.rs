//! Auth0's user (<https://auth0.com/docs/api/management/v2/users/get-users-by-id>), and its mapping to [`SsoUser`]. All fields
//! but the ID may be missing.

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::text_or_number::TextOrNumber;
use crate::{SsoIdentity, SsoUser};

/// `last_login` and `logins_count` are left out on purpose: they change on every login, and `updated_at` with them.
#[derive(Deserialize)]
pub(crate) struct Auth0User {
    #[serde(deserialize_with = "provider_http::record_id")]
    user_id: String,
    email: Option<String>,
    email_verified: Option<bool>,
    given_name: Option<String>,
    family_name: Option<String>,
    name: Option<String>,
    phone_number: Option<String>,
    blocked: Option<bool>,
    app_metadata: Option<Value>,
    identities: Option<Vec<Auth0Identity>>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    updated_at: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
struct Auth0Identity {
    provider: String,
    connection: Option<String>,
    user_id: TextOrNumber,
}

impl From<Auth0User> for SsoUser {
    fn from(user: Auth0User) -> Self {
        Self {
            id: user.user_id,
            email: user.email,
            email_verified: user.email_verified.unwrap_or(false),
            given_name: user.given_name,
            family_name: user.family_name,
            display_name: user.name,
            phone: user.phone_number,
            blocked: user.blocked.unwrap_or(false),
            external_key: user.app_metadata.as_ref().and_then(person_key),
            identities: user.identities.unwrap_or_default().into_iter().map(SsoIdentity::from).collect(),
            version: user.updated_at,
            etag: None,
        }
    }
}

impl From<Auth0Identity> for SsoIdentity {
    fn from(identity: Auth0Identity) -> Self {
        Self {
            provider: identity.provider,
            connection: identity.connection,
            subject: identity.user_id.into_text(),
        }
    }
}

fn person_key(app_metadata: &Value) -> Option<String> {
    // An administrator or an Action has put it there. A value that is no text is not ours.
    app_metadata.get("person_key")?.as_str().map(str::to_owned)
}

#[derive(Deserialize)]
pub(crate) struct SearchHit {
    #[serde(deserialize_with = "provider_http::record_id")]
    pub(crate) user_id: String,
    identities: Option<Vec<Auth0Identity>>,
}

impl SearchHit {
    pub(crate) fn has_identity(&self, subject: &str) -> bool {
        // A search may match other users too.
        self.identities.iter().flatten().any(|identity| identity.user_id.clone().into_text() == subject)
    }
}
