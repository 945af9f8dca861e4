//! Okta's user, and its mapping to [`Record`]. All fields but the ID may be missing, since an organization may remove any
//! field of the profile. <https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/>

use provider_http::ProviderError;
use provider_http::json::{Fields, Json, needed, readable};

use super::NAME;
use crate::record::{Account, Record, SignInIdentity, assertions};

/// Fields of the profile that are kept. `lastLogin` is not kept on purpose: it changes on every login.
const PROFILE: [&str; 7] =
    ["email", "firstName", "lastName", "displayName", "mobilePhone", "primaryPhone", "employeeNumber"];

pub(crate) fn user(record: &Json, etag: Option<String>) -> Result<Record, ProviderError> {
    let id = needed("id", record.at("id").id())?;
    // An answer of another form must not read as a user without any value.
    let beside = record.has_any(&PROFILE);
    if !beside && !record.has_any(&["profile"]) {
        return Err(ProviderError::Unreadable { field: "profile" });
    }
    let profile = readable("profile", record.at("profile").value())?;
    if profile.is_some_and(|profile| !matches!(profile, Json::Object(_))) {
        return Err(ProviderError::Unreadable { field: "profile" });
    }
    let status = readable("status", record.at("status").text())?;
    let mut fields = Fields::default();
    // The profile's fields may also be beside it.
    let beside = beside.then(|| record.clone().lifted("profile"));
    let mut optional = |name, id: bool| {
        let field = beside.as_ref().map_or_else(|| record.at("profile").at(name), |record| record.at(name));
        fields.optional(name, if id { field.id() } else { field.text() })
    };
    let mut text = |name| optional(name, false);
    let (first, last) = (text("firstName"), text("lastName"));
    let (email, display_name) = (text("email"), text("displayName"));
    let phone = text("mobilePhone").or_else(|| text("primaryPhone"));
    let external_key = optional("employeeNumber", true);
    let identity = SignInIdentity { provider: NAME.to_owned(), connection: None, subject: id.clone() };
    let account = Account {
        // A deactivated user still exists until it is deleted in a second step.
        blocked: matches!(status.as_deref(), Some("SUSPENDED" | "LOCKED_OUT" | "DEPROVISIONED")),
        email_verified: email_verified(record, &mut fields),
        identities: vec![identity],
    };
    Ok(Record {
        version_at: fields.optional("lastUpdated", record.at("lastUpdated").time()),
        etag,
        external_key,
        assertions: assertions([
            ("email", email),
            ("display_name", display_name.or_else(|| full_name(&first, &last))),
            ("given_name", first),
            ("family_name", last),
            ("phone", phone),
        ]),
        account: Some(account),
        unread: fields.unread(),
        ..Record::of(id)
    })
}

fn email_verified(record: &Json, fields: &mut Fields) -> bool {
    // Only if Okta says so: an active user's address may be unverified.
    let emails = fields.optional("credentials.emails", record.at("credentials").at("emails").list());
    let is = |email: &Json, name, value: &str| email.at(name).text() == Ok(Some(value.to_owned()));
    let mut primary = emails.unwrap_or_default().iter().filter(|email| is(email, "type", "PRIMARY"));
    primary.any(|email| is(email, "status", "VERIFIED"))
}

fn full_name(first: &Option<String>, last: &Option<String>) -> Option<String> {
    let parts: Vec<&str> = [first, last].into_iter().flatten().map(String::as_str).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Record, ProviderError> {
        super::user(&serde_json::from_str(json).unwrap(), Some(r#"W/"7""#.into()))
    }

    fn user(json: &str) -> Record {
        read(json).unwrap()
    }

    #[test]
    fn only_the_id_and_the_profile_are_required() {
        let user = user(r#"{"id":"00u1","profile":null,"lastUpdated":null}"#);
        assert_eq!((user.text("email"), user.text("display_name"), user.version_at), (None, None, None));
        assert!(!user.account().blocked && !user.account().email_verified && user.etag.is_some());
        for (json, field) in [
            (r#"{"status":"ACTIVE"}"#, "id"),
            (r#"{"id":"00u1"}"#, "profile"),
            (r#"{"id":"00u1","status":"ACTIVE","attributes":{"email":"tove@bayside.example"}}"#, "profile"),
            (
                r#"{"id":"00u1","user":{"status":"ACTIVE","profile":{"email":"tove@bayside.example"}}}"#,
                "profile",
            ),
            (r#"{"id":"00u1","status":"ACTIVE","profile":"tove@bayside.example"}"#, "profile"),
            (r#"{"id":"00u1","profile":{},"status":{"value":"ACTIVE"}}"#, "status"),
            (r#"{"id":"00u1","profile":{},"status":"ACTIVE","Status":"SUSPENDED"}"#, "status"),
        ] {
            assert_eq!(read(json), Err(ProviderError::Unreadable { field }), "{json}");
        }
    }

    #[test]
    fn an_optional_value_that_cannot_be_read_costs_its_field_alone() {
        let user = user(
            r#"{"ID":17,"STATUS":"SUSPENDED","lastUpdated":"2026-11-20T08:00:00","profile":{"firstName":["Tove"],
               "lastName":{"x":1},"employeeNumber":9017,"email":true}}"#,
        );
        assert_eq!((user.id.as_str(), user.text("given_name")), ("17", Some("Tove")));
        assert_eq!((user.text("family_name"), user.external_key.as_deref()), (None, Some("9017")));
        assert_eq!(user.unread, ["email", "lastName"]);
        assert!(user.account().blocked && user.version_at.is_some());
    }

    #[test]
    fn the_fields_of_the_profile_may_be_beside_it() {
        let user =
            user(r#"{"id":"00u1","status":"ACTIVE","firstName":"Tove","email":"tove@bayside.example"}"#);
        assert_eq!(
            (user.text("given_name"), user.text("email")),
            (Some("Tove"), Some("tove@bayside.example"))
        );
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
            assert_eq!(
                user(&format!(r#"{{"id":"00u1","status":"{status}","profile":{{}}}}"#)).account().blocked,
                blocked,
                "{status}"
            );
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
            let json = format!(
                r#"{{"id":"00u1","status":"ACTIVE","profile":null,"credentials":{{"emails":{emails}}}}}"#
            );
            assert_eq!(user(&json).account().email_verified, verified, "{emails}");
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
            assert_eq!(user.text("display_name"), Some(shown));
        }
    }
}
