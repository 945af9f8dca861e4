//! IDs that Auth0 writes as a text or as a number, depending on the connection.

use serde::Deserialize;
use serde_json::Value;

/// <https://auth0.com/docs/manage-users/user-accounts/user-profiles/user-profile-structure>
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum TextOrNumber {
    Text(#[serde(deserialize_with = "provider_http::record_id")] String),
    Unsigned(u64),
    Signed(i64),
}

impl TextOrNumber {
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Unsigned(number) => number.to_string(),
            Self::Signed(number) => number.to_string(),
        }
    }
}

pub(crate) fn id_in(value: Option<&Value>) -> Option<String> {
    // A field that is no ID is none: events are read leniently.
    TextOrNumber::deserialize(value?).ok().map(TextOrNumber::into_text)
}
