//! Auth0's user (<https://auth0.com/docs/api/management/v2/users/get-users-by-id>), and its mapping to [`Record`]. All fields
//! but the ID may be missing, and a connection may fill most of them with anything.

use provider_http::ProviderError;
use provider_http::json::{Fields, Json, Unread, needed, readable};

use crate::record::{Account, Record, SignInIdentity, assertions};

/// What is kept of a user. `last_login` and `logins_count` are left out on purpose: they change on every login, and `updated_at`
/// with them. So is `user_metadata`, which may have 16 MB, unless a field is mapped from it.
pub(crate) const FIELDS: [&str; 11] = [
    "user_id",
    "email",
    "email_verified",
    "given_name",
    "family_name",
    "name",
    "phone_number",
    "blocked",
    "app_metadata",
    "identities",
    "updated_at",
];

pub(crate) fn user(record: &Json) -> Result<Record, ProviderError> {
    let id = needed("user_id", record.at("user_id").id())?;
    // An answer of another form must not read as a user without any value.
    if !record.has_any(&FIELDS[1..]) {
        return Err(ProviderError::Unreadable { field: "identities" });
    }
    let blocked = readable("blocked", record.at("blocked").flag())?.unwrap_or(false);
    let identities = identities(record)?;
    let mut fields = Fields::default();
    let mut text = |name| fields.optional(name, record.at(name).text());
    let (email, given_name, family_name) = (text("email"), text("given_name"), text("family_name"));
    let (display_name, phone) = (text("name"), text("phone_number"));
    // Only a clear yes: some connections write the address itself.
    let verified = fields.optional("email_verified", record.at("email_verified").flag());
    // An administrator or an Action has put it there.
    let key = record.at("app_metadata").at("person_key").id();
    Ok(Record {
        version_at: fields.optional("updated_at", record.at("updated_at").time()),
        external_key: fields.optional("app_metadata.person_key", key),
        assertions: assertions([
            ("email", email),
            ("given_name", given_name),
            ("family_name", family_name),
            ("display_name", display_name),
            ("phone", phone),
        ]),
        account: Some(Account { blocked, email_verified: verified.unwrap_or(false), identities }),
        unread: fields.unread(),
        ..Record::of(id)
    })
}

fn identities(record: &Json) -> Result<Vec<SignInIdentity>, ProviderError> {
    // They link users, so none is left out because of a part that cannot be read.
    let list = readable("identities", record.at("identities").list())?.unwrap_or_default();
    let identity = |identity: &Json| {
        Ok(SignInIdentity {
            provider: needed("identities.provider", identity.at("provider").text())?,
            connection: identity.at("connection").text().ok().flatten(),
            subject: needed("identities.user_id", identity.at("user_id").id())?,
        })
    };
    list.iter().map(identity).collect()
}

/// The user's ID, if it has the identity with this subject: a search may match other users too. An identity that cannot be read
/// may be the one.
pub(crate) fn id_of_hit(hit: &Json, subject: &str) -> Result<Option<String>, Unread> {
    let identities = hit.at("identities").list()?.ok_or(Unread)?;
    let mut subjects = identities.iter().map(|identity| identity.at("user_id").id()?.ok_or(Unread));
    if subjects.clone().flatten().any(|own| own == subject) {
        return hit.at("user_id").id()?.ok_or(Unread).map(Some);
    }
    subjects.find_map(Result::err).map_or(Ok(None), Err)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn read(json: &str) -> Result<Record, ProviderError> {
        user(&serde_json::from_str(json).unwrap())
    }

    /// A user with this field besides the usual ones.
    fn with(field: &str) -> Record {
        read(&format!(r#"{{"user_id":"auth0|1","given_name":"Nora","identities":[],{field}}}"#)).unwrap()
    }

    #[test]
    fn an_address_that_is_verified_by_a_text_is_verified() {
        let user = read(
            r#"{"user_id":"samlp|bayside|nora","email":"nora.eik@bayside.example","email_verified":"true","given_name":"Nora",
               "family_name":"Eik","identities":[{"provider":"samlp","connection":"bayside","user_id":"bayside|nora"}],
               "updated_at":"2026-11-20T08:00:00.000Z"}"#,
        )
        .unwrap();
        assert_eq!(user.text("email"), Some("nora.eik@bayside.example"));
        assert_eq!((user.text("given_name"), user.text("family_name")), (Some("Nora"), Some("Eik")));
        assert!(user.account().email_verified && !user.account().blocked && user.unread.is_empty());
        assert_eq!(user.version_at, Some(datetime!(2026-11-20 8:00 UTC)));
        assert_eq!(user.account().identities[0].subject, "bayside|nora");
    }

    #[test]
    fn an_optional_value_that_cannot_be_read_costs_its_field_alone() {
        for (field, verified, unread) in [
            (r#""email_verified":"nora.eik@bayside.example""#, false, &["email_verified"][..]),
            (r#""email_verified":"False""#, false, &[]),
            (r#""email_verified":1"#, true, &[]),
            (r#""email_verified":null"#, false, &[]),
            (r#""phone_number":{"work":"+15550100177"}"#, false, &["phone_number"]),
            (
                r#""updated_at":"last week","app_metadata":{"person_key":{}}"#,
                false,
                &["app_metadata.person_key", "updated_at"],
            ),
        ] {
            let user = with(field);
            assert_eq!(user.account().email_verified, verified, "{field}");
            assert_eq!(user.unread, unread, "{field}");
            assert_eq!(user.text("given_name"), Some("Nora"), "{field}");
        }
        assert_eq!(with(r#""family_name":["Eik"]"#).text("family_name"), Some("Eik"));
        assert_eq!(with(r#""app_metadata":{"person_key":9017}"#).external_key.as_deref(), Some("9017"));
        assert_eq!(
            with(r#""updated_at":"2026-11-20 08:00:00 +0000""#).version_at,
            Some(datetime!(2026-11-20 8:00 UTC))
        );
    }

    #[test]
    fn a_needed_value_that_cannot_be_read_is_refused() {
        for (json, field) in [
            (r#"{"user_id":"","identities":[]}"#, "user_id"),
            (r#"{"user_id":["a","b"],"identities":[]}"#, "user_id"),
            (r#"{"user_id":"auth0|1","user_id":"auth0|2","identities":[]}"#, "user_id"),
            (r#"{"user_id":"auth0|1","blocked":"perhaps","identities":[]}"#, "blocked"),
            (r#"{"user_id":"auth0|1","blocked":true,"Blocked":false,"identities":[]}"#, "blocked"),
            (r#"{"user_id":"auth0|1","identities":"none"}"#, "identities.provider"),
            (r#"{"user_id":"auth0|1","identities":[{"provider":"auth0"}]}"#, "identities.user_id"),
            (r#"{"user_id":"auth0|1","profile":{"email":"nora.eik@bayside.example"}}"#, "identities"),
            ("[]", "user_id"),
        ] {
            assert_eq!(read(json), Err(ProviderError::Unreadable { field }), "{json}");
        }
        for blocked in ["true", r#""True""#, "1", r#""1""#] {
            assert!(with(&format!(r#""blocked":{blocked}"#)).account().blocked, "{blocked}");
        }
    }
}
