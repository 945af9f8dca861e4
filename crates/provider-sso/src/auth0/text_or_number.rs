//! IDs that Auth0 writes as a text or as a number, depending on the connection.

use serde::Deserialize;
use serde_json::Value;

/// `identities[].user_id` is a string or an integer:
/// <https://auth0.com/docs/manage-users/user-accounts/user-profiles/user-profile-structure>.
#[derive(Deserialize)]
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

/// An event's ID. `None`: there is none, or the field is no ID, since events are read leniently.
pub(crate) fn id_in(value: Option<&Value>) -> Option<String> {
    TextOrNumber::deserialize(value?).ok().map(TextOrNumber::into_text)
}
