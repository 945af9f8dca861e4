//! SCIM's user (<https://www.rfc-editor.org/rfc/rfc7643#section-4.1>), and its mapping to [`Record`]. Servers write names in
//! another case, and core attributes below the name of their schema.

use provider_http::ProviderError;
use provider_http::json::{Field, Fields, Json, needed, readable};

use super::NAME;
use crate::record::{Account, Record, SignInIdentity, assertions};

/// What is kept of a user: <https://www.rfc-editor.org/rfc/rfc7644#section-3.9>. A server sends `id` always, and leaves out
/// groups, photos and extensions.
pub(crate) const ATTRIBUTES: [&str; 9] = [
    "userName",
    "externalId",
    "displayName",
    "name",
    "emails",
    "phoneNumbers",
    "active",
    "meta.lastModified",
    "meta.version",
];

pub(crate) const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// From a record whose attributes are not below [`CORE_USER`].
pub(crate) fn user(record: &Json, header_etag: Option<String>) -> Result<Record, ProviderError> {
    let id = needed("id", record.at("id").id())?;
    let active = readable("active", record.at("active").flag())?;
    // An answer of another form must not read as an active user without any value. A server that says whether the user is
    // active has been understood, even if it leaves out the name.
    let user_name = readable("userName", record.at("userName").id())?;
    if user_name.is_none() && active.is_none() {
        return Err(ProviderError::Unreadable { field: "userName" });
    }
    let mut fields = Fields::default();
    let mut text = |name, field: Field<'_>| fields.optional(name, field.text());
    let name = record.at("name");
    let given_name = text("name.givenName", name.at("givenName"));
    let family_name = text("name.familyName", name.at("familyName"));
    let formatted = text("name.formatted", name.at("formatted"));
    let display_name = text("displayName", record.at("displayName")).or(formatted);
    let (email, phone) = (
        primary("emails", record.at("emails"), &mut fields),
        primary("phoneNumbers", record.at("phoneNumbers"), &mut fields),
    );
    let meta = record.at("meta");
    let identity = SignInIdentity { provider: NAME.to_owned(), connection: None, subject: id.clone() };
    let account = Account {
        blocked: active == Some(false),
        email_verified: false, // SCIM does not say.
        identities: vec![identity],
    };
    Ok(Record {
        version_at: fields.optional("meta.lastModified", meta.at("lastModified").time()),
        etag: fields.optional("meta.version", meta.at("version").id()).or(header_etag),
        external_key: fields.optional("externalId", record.at("externalId").id()),
        assertions: assertions([
            ("email", email),
            ("given_name", given_name),
            ("family_name", family_name),
            ("display_name", display_name),
            ("phone", phone),
        ]),
        account: Some(account),
        unread: fields.unread(),
        ..Record::of(id)
    })
}

/// The value that is marked as primary, or the only one. A value may be a plain text.
fn primary(name: &'static str, field: Field<'_>, fields: &mut Fields) -> Option<String> {
    let values = fields.optional(name, field.list()).unwrap_or_default();
    let mut marked = Vec::new();
    for value in values.iter().filter(|value| matches!(value, Json::Object(_))) {
        if fields.optional(name, value.at("primary").flag()) == Some(true) {
            marked.push(value);
        }
    }
    // Several without a mark, or with several marks: any would be a guess.
    let chosen = match (marked.as_slice(), values) {
        ([one], _) => *one,
        ([], [only]) => only,
        ([first, others @ ..], _)
            if others.iter().all(|other| other.at("value").text() == first.at("value").text()) =>
        {
            *first
        }
        _ => return None,
    };
    let value = match chosen {
        Json::Text(text) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        other => other.at("value").text(),
    };
    fields.optional(name, value)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn read(json: &str) -> Result<Record, ProviderError> {
        super::user(&serde_json::from_str::<Json>(json).unwrap().lifted(CORE_USER), Some("header".into()))
    }

    fn user(json: &str) -> Record {
        read(json).unwrap()
    }

    #[test]
    fn a_full_user_is_read() {
        let user = user(include_str!("../../tests/fixtures/scim/user.json"));
        assert_eq!(user.text("email"), Some("ilse.brandt@example.org"));
        assert_eq!(user.text("phone"), Some("+15550100121"));
        assert_eq!(user.text("display_name"), Some("Ilse Brandt"));
        assert_eq!(user.external_key.as_deref(), Some("P-000917"));
        assert_eq!(user.etag.as_deref(), Some("W/\"12\""));
        assert!(
            user.account().blocked
                && !user.account().email_verified
                && user.version_at.is_some()
                && user.unread.is_empty()
        );
    }

    #[test]
    fn the_id_and_the_user_name_are_required() {
        let named = user(r#"{"id":"2f","userName":"nora"}"#);
        assert_eq!((named.account().blocked, named.text("email"), named.version_at), (false, None, None));
        assert_eq!(named.etag.as_deref(), Some("header"));
        for (json, field) in [
            (r#"{"userName":"x"}"#, "id"),
            (r#"{"id":"2f"}"#, "userName"),
            (r#"{"id":"2f","userName":""}"#, "userName"),
            (r#"{"id":"2f","userName":{"value":"nora"}}"#, "userName"),
            (r#"{"id":"2f","attributes":{"userName":"nora","active":false}}"#, "userName"),
            (r#"{"id":"2f","userName":"nora","active":"no"}"#, "active"),
            (r#"{"id":"2f","userName":"nora","active":{}}"#, "active"),
            (r#"{"id":"2f","userName":"nora","active":true,"Active":false}"#, "active"),
            (
                r#"{"id":"2f","userName":"nora","active":true,"urn:ietf:params:scim:schemas:core:2.0:User":{"active":false}}"#,
                "active",
            ),
            ("[]", "id"),
        ] {
            assert_eq!(read(json), Err(ProviderError::Unreadable { field }), "{json}");
        }
    }

    #[test]
    fn names_are_read_in_any_case_and_below_the_schema() {
        let cased = r#"{"id":"223","UserName":"nora","Active":false,"Name":{"GivenName":"Nora"},
            "Emails":[{"Value":"nora@bayside.example","Primary":true}]}"#;
        let below = r#"{"id":"223","schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],
            "urn:ietf:params:scim:schemas:core:2.0:User":{"userName":"nora","active":false,"name":{"givenName":"Nora"},
            "emails":[{"value":"nora@bayside.example","primary":true}]}}"#;
        let another_case_below = below.replace("core:2.0:User\":{", "Core:2.0:USER\":{");
        for json in [cased, below, &another_case_below] {
            let user = user(json);
            assert!(user.account().blocked, "{json}");
            assert_eq!(user.text("given_name"), Some("Nora"), "{json}");
            assert_eq!(user.text("email"), Some("nora@bayside.example"), "{json}");
        }
    }

    #[test]
    fn numbers_are_ids_and_versions_and_zero_is_inactive() {
        let user = user(r#"{"id":223,"active":0,"externalId":9017,"meta":{"version":3}}"#);
        assert_eq!((user.id.as_str(), user.external_key.as_deref()), ("223", Some("9017")));
        assert_eq!(user.etag.as_deref(), Some("3"));
        assert!(user.account().blocked && user.unread.is_empty());
        for (active, blocked) in [(r#""True""#, false), (r#""False""#, true), ("1", false), ("null", false)] {
            let json = format!(r#"{{"id":"223","userName":"nora","active":{active}}}"#);
            assert_eq!(self::user(&json).account().blocked, blocked, "{active}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_utc_and_one_that_cannot_be_read_is_no_version() {
        let at = datetime!(2026-11-18 8:03:34 UTC);
        for (time, version) in [
            ("2026-11-18T08:03:34", Some(at)),
            ("2026-11-18T08:03:34+0000", Some(at)),
            ("2026-11-18 08:03:34", Some(at)),
            ("18.11.2026", None),
        ] {
            let user = user(&format!(r#"{{"id":"223","active":true,"meta":{{"lastModified":"{time}"}}}}"#));
            assert_eq!((user.version_at, user.unread.is_empty()), (version, version.is_some()), "{time}");
        }
    }

    #[test]
    fn an_optional_value_that_cannot_be_read_costs_its_field_alone() {
        let user = user(
            r#"{"id":"2f","userName":"nora","name":"Nora Eik","displayName":["Nora"],"externalId":{},"phoneNumbers":true,
               "emails":[{"value":7,"primary":true},{"value":"b@bayside.example"}],"meta":[1,2]}"#,
        );
        assert_eq!(
            (user.text("display_name"), user.text("given_name"), user.text("email")),
            (Some("Nora"), None, None)
        );
        let unread = [
            "emails",
            "externalId",
            "meta.lastModified",
            "meta.version",
            "name.familyName",
            "name.formatted",
            "name.givenName",
            "phoneNumbers",
        ];
        assert_eq!(user.unread, unread);
    }

    #[test]
    fn the_primary_address_is_never_guessed() {
        let cases = [
            (r#"[]"#, None),
            (r#"null"#, None),
            (r#"[{"value":"a"}]"#, Some("a")),
            (r#"["a"]"#, Some("a")),
            (r#""a""#, Some("a")),
            (r#"{"value":"a"}"#, Some("a")),
            (r#"[{"value":"a"},{"value":"b"}]"#, None),
            (r#"[{"type":"work","value":"nora@work.example"},"nora@bayside.example"]"#, None),
            (r#"["a",{"value":"b","primary":true}]"#, Some("b")),
            (r#"[{"value":"a"},{"value":"b","primary":true}]"#, Some("b")),
            (r#"[{"value":"a"},{"value":"b","primary":"True"}]"#, Some("b")),
            (r#"[{"value":"a","primary":true},{"value":"b","primary":true}]"#, None),
            (r#"[{"value":"a","primary":true},{"value":"a","primary":true,"type":"work"}]"#, Some("a")),
            (r#"[{"value":"a","primary":false},{"value":"b","primary":false}]"#, None),
            (r#"[{"type":"work"}]"#, None),
        ];
        for (emails, expected) in cases {
            let user = user(&format!(r#"{{"id":"2f","userName":"nora","emails":{emails}}}"#));
            assert_eq!(user.text("email"), expected, "{emails}");
        }
    }
}
