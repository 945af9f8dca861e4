//! SCIM's user (<https://www.rfc-editor.org/rfc/rfc7643#section-4.1>), and its mapping to [`SsoUser`]. Only the ID is certain.

use serde::Deserialize;
use time::OffsetDateTime;

use super::SOURCE;
use crate::{SsoIdentity, SsoUser};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScimUser {
    #[serde(deserialize_with = "provider_http::record_id")]
    id: String,
    external_id: Option<String>,
    display_name: Option<String>,
    name: Option<Name>,
    emails: Option<Vec<Value>>,
    phone_numbers: Option<Vec<Value>>,
    active: Option<bool>,
    meta: Option<Meta>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Name {
    formatted: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
}

#[derive(Deserialize)]
struct Value {
    value: Option<String>,
    primary: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default, with = "time::serde::rfc3339::option")]
    last_modified: Option<OffsetDateTime>,
    version: Option<String>,
}

impl ScimUser {
    pub(crate) fn into_user(self, header_etag: Option<String>) -> SsoUser {
        let name = self.name.unwrap_or_default();
        let meta = self.meta.unwrap_or_default();
        let identity =
            SsoIdentity { provider: SOURCE.to_owned(), connection: None, subject: self.id.clone() };
        SsoUser {
            id: self.id,
            email: primary(self.emails),
            email_verified: false, // SCIM does not say.
            given_name: name.given_name,
            family_name: name.family_name,
            display_name: self.display_name.or(name.formatted),
            phone: primary(self.phone_numbers),
            blocked: self.active == Some(false),
            external_key: self.external_id,
            identities: vec![identity],
            version: meta.last_modified,
            etag: meta.version.or(header_etag),
        }
    }
}

fn primary(values: Option<Vec<Value>>) -> Option<String> {
    let mut values = values.unwrap_or_default();
    let marked = values.iter().position(|value| value.primary == Some(true));
    // Several without a mark: any would be a guess.
    let index = marked.or((values.len() == 1).then_some(0))?;
    values.swap_remove(index).value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(json: &str) -> SsoUser {
        serde_json::from_str::<ScimUser>(json).unwrap().into_user(Some("header".into()))
    }

    #[test]
    fn a_full_user_is_read() {
        let user = user(include_str!("fixtures/user.json"));
        assert_eq!(user.email.as_deref(), Some("ilse.brandt@example.org"));
        assert_eq!(user.phone.as_deref(), Some("+15550100121"));
        assert_eq!(user.display_name.as_deref(), Some("Ilse Brandt"));
        assert_eq!(user.external_key.as_deref(), Some("P-000917"));
        assert_eq!(user.etag.as_deref(), Some("W/\"12\""));
        assert!(user.blocked && !user.email_verified && user.version.is_some());
    }

    #[test]
    fn only_the_id_is_required() {
        let user = user(r#"{"id":"2f"}"#);
        assert_eq!((user.blocked, user.email, user.version), (false, None, None));
        assert_eq!(user.etag.as_deref(), Some("header"));
        assert!(serde_json::from_str::<ScimUser>(r#"{"userName":"x"}"#).is_err());
    }

    #[test]
    fn the_primary_address_is_never_guessed() {
        let cases = [
            (r#"[]"#, None),
            (r#"[{"value":"a"}]"#, Some("a")),
            (r#"[{"value":"a"},{"value":"b"}]"#, None),
            (r#"[{"value":"a"},{"value":"b","primary":true}]"#, Some("b")),
            (r#"[{"value":"a","primary":false},{"value":"b","primary":false}]"#, None),
            (r#"[{"type":"work"}]"#, None),
        ];
        for (emails, expected) in cases {
            let user = user(&format!(r#"{{"id":"2f","emails":{emails}}}"#));
            assert_eq!(user.email.as_deref(), expected, "{emails}");
        }
    }
}
