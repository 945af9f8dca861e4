//! Okta's user, and its mapping to [`SsoUser`]. All fields but the ID may be missing, since an organization may remove any
//! field of the profile. <https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/>

use serde::Deserialize;
use time::OffsetDateTime;

use super::SOURCE;
use crate::{SsoIdentity, SsoUser};

/// The fields of a user that we keep. `lastLogin` is left out on purpose: it changes on every login.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OktaUser {
    #[serde(deserialize_with = "provider_http::record_id")]
    id: String,
    status: Option<String>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    last_updated: Option<OffsetDateTime>,
    profile: Option<Profile>,
    credentials: Option<Credentials>,
}

#[derive(Deserialize)]
pub(crate) struct ListedUser {
    #[serde(deserialize_with = "provider_http::record_id")]
    pub(crate) id: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Profile {
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    display_name: Option<String>,
    mobile_phone: Option<String>,
    primary_phone: Option<String>,
    employee_number: Option<String>,
}

#[derive(Deserialize)]
struct Credentials {
    emails: Option<Vec<EmailCredential>>,
}

#[derive(Deserialize)]
struct EmailCredential {
    #[serde(rename = "type")]
    kind: Option<String>,
    status: Option<String>,
}

impl OktaUser {
    pub(crate) fn into_user(self, etag: Option<String>) -> SsoUser {
        let (email_verified, blocked) = (self.email_verified(), self.blocked());
        let profile = self.profile.unwrap_or_default();
        let identity =
            SsoIdentity { provider: SOURCE.to_owned(), connection: None, subject: self.id.clone() };
        SsoUser {
            id: self.id,
            email_verified,
            display_name: profile.display_name.or_else(|| full_name(&profile.first_name, &profile.last_name)),
            email: profile.email,
            given_name: profile.first_name,
            family_name: profile.last_name,
            phone: profile.mobile_phone.or(profile.primary_phone),
            blocked,
            external_key: profile.employee_number,
            identities: vec![identity],
            version: self.last_updated,
            etag,
        }
    }

    fn email_verified(&self) -> bool {
        // Only if Okta says so: an active user's address may be unverified.
        let emails = self.credentials.iter().filter_map(|credentials| credentials.emails.as_ref()).flatten();
        emails
            .filter(|email| email.kind.as_deref() == Some("PRIMARY"))
            .any(|email| email.status.as_deref() == Some("VERIFIED"))
    }

    fn blocked(&self) -> bool {
        // A deactivated user still exists until it is deleted in a second step.
        matches!(self.status.as_deref(), Some("SUSPENDED" | "LOCKED_OUT" | "DEPROVISIONED"))
    }
}

fn full_name(first: &Option<String>, last: &Option<String>) -> Option<String> {
    let parts: Vec<&str> = [first, last].into_iter().flatten().map(String::as_str).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(json: &str) -> SsoUser {
        serde_json::from_str::<OktaUser>(json).unwrap().into_user(Some(r#"W/"7""#.into()))
    }

    #[test]
    fn only_the_id_is_required() {
        let user = user(r#"{"id":"00u1","profile":null,"lastUpdated":null}"#);
        assert_eq!((user.email, user.display_name, user.version), (None, None, None));
        assert!(!user.blocked && !user.email_verified && user.etag.is_some());
        assert!(serde_json::from_str::<OktaUser>(r#"{"status":"ACTIVE"}"#).is_err());
    }

    #[test]
    fn a_status_that_prevents_signing_in_is_blocked() {
        for (status, blocked) in [
            ("STAGED", false),
            ("PROVISIONED", false),
            ("ACTIVE", false),
            ("RECOVERY", false),
            ("PASSWORD_EXPIRED", false),
            ("LOCKED_OUT", true),
            ("SUSPENDED", true),
            ("DEPROVISIONED", true),
            ("A_STATUS_OF_TOMORROW", false),
        ] {
            assert_eq!(user(&format!(r#"{{"id":"00u1","status":"{status}"}}"#)).blocked, blocked, "{status}");
        }
    }

    #[test]
    fn an_address_is_verified_only_where_okta_says_so() {
        for (emails, verified) in [
            ("null", false),
            ("[]", false),
            (r#"[{"type":"PRIMARY","status":"UNVERIFIED"}]"#, false),
            (r#"[{"type":"SECONDARY","status":"VERIFIED"}]"#, false),
            (r#"[{"type":"SECONDARY"},{"type":"PRIMARY","status":"VERIFIED"}]"#, true),
        ] {
            let json = format!(r#"{{"id":"00u1","status":"ACTIVE","credentials":{{"emails":{emails}}}}}"#);
            assert_eq!(user(&json).email_verified, verified, "{emails}");
        }
    }

    #[test]
    fn the_display_name_falls_back_to_the_parts_of_the_name() {
        for (profile, shown) in [
            (r#"{"displayName":"Tove L.","firstName":"Tove"}"#, "Tove L."),
            (r#"{"firstName":"Tove","lastName":"Lind"}"#, "Tove Lind"),
            (r#"{"lastName":"Lind"}"#, "Lind"),
        ] {
            let user = user(&format!(r#"{{"id":"00u1","profile":{profile}}}"#));
            assert_eq!(user.display_name.as_deref(), Some(shown));
        }
    }
}
