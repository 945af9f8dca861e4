//! A user in terms that all identity providers share.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A user as its provider says it is now. Serialized, it is the source record that we store and hash: fields that change on
/// each login are left out, or each login would be a change.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SsoUser {
    /// The provider's ID.
    pub id: String,
    /// Primary address, as the provider spells it.
    pub email: Option<String>,
    /// The provider has verified that address. False if the provider does not say.
    pub email_verified: bool,
    /// First name.
    pub given_name: Option<String>,
    /// Last name.
    pub family_name: Option<String>,
    /// The name for display.
    pub display_name: Option<String>,
    /// Primary phone number, as the provider spells it.
    pub phone: Option<String>,
    /// An administrator has blocked the user.
    pub blocked: bool,
    /// Our key at the provider: Auth0's `app_metadata.person_key`, Okta's `employeeNumber`, Entra's `employeeId`, SCIM's `externalId`.
    pub external_key: Option<String>,
    /// The sign-in identities that belong to this user.
    pub identities: Vec<SsoIdentity>,
    /// When the provider last changed the record. It orders versions.
    #[serde(skip)]
    pub version: Option<OffsetDateTime>,
    /// Opaque entity tag. It shows equality, never order.
    #[serde(skip)]
    pub etag: Option<String>,
    /// The provider's names of fields that are there and cannot be read. They count as missing.
    #[serde(skip)]
    pub unread: Vec<&'static str>,
}

impl fmt::Debug for SsoUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The ID and the version only, so that a log line with a user shows nothing personal.
        f.debug_struct("SsoUser")
            .field("id", &self.id)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// One way in which a user signs in. Auth0's account linking can move it from one user to another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SsoIdentity {
    /// Who authenticates: `auth0`, `google-oauth2`, `scim`.
    pub provider: String,
    /// The provider's connection (its user directory), if it has several.
    pub connection: Option<String>,
    /// The ID of the identity within provider and connection.
    pub subject: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> SsoUser {
        SsoUser {
            id: "auth0|1".into(),
            email: Some("orla.fenn@example.org".into()),
            email_verified: true,
            given_name: Some("Orla".into()),
            family_name: Some("Fenn".into()),
            display_name: Some("Orla Fenn".into()),
            phone: Some("+15550100177".into()),
            blocked: false,
            external_key: Some("P-7".into()),
            identities: vec![],
            version: Some(OffsetDateTime::UNIX_EPOCH),
            etag: Some(r#"W/"3""#.into()),
            unread: vec![],
        }
    }

    #[test]
    fn debug_shows_the_id_and_the_version_only() {
        let text = format!("{:?}", user());
        assert_eq!(text, "SsoUser { id: \"auth0|1\", version: Some(1970-01-01 0:00:00.0 +00:00:00), .. }");
    }

    #[test]
    fn the_source_record_does_not_change_with_version_or_etag() {
        let later = SsoUser { version: Some(OffsetDateTime::now_utc()), etag: None, ..user() };
        let (a, b) = (serde_json::to_string(&user()).unwrap(), serde_json::to_string(&later).unwrap());
        assert_eq!(a, b);
        assert!(a.contains("orla.fenn@example.org"));
    }
}
