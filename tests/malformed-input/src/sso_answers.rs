//! The answers of identity providers, for [`crate::check`].

use provider_sso::{FetchedUser, ListedPage, ProviderError, SsoProvider as _};
use serde_json::{Value, json};

use crate::answers::{Answer, Place, Reading};
use crate::corpus::{SCIM_USER, fixture};
use crate::replies::read;

/// Every answer that a connector of an identity provider reads.
pub fn sso_answers() -> Vec<Answer> {
    let mut auth0 = fixture("crates/provider-sso/tests/fixtures/auth0-user.json");
    auth0["blocked"] = json!(true);
    let okta = fixture("crates/provider-sso/tests/fixtures/okta-user.json");
    let users = ["u1", "u2", "u3"].map(|id| {
        json!({"id": id, "user_id": id, "userName": id, "created_at": "2026-11-24T17:00:00.000Z",
            "updated_at": "2026-11-24T17:00:00.000Z", "meta": {"lastModified": "2026-11-24T17:00:00Z"}})
    });
    vec![
        Answer { name: "auth0 user", good: auth0, read: |body| user('a', body), places: AUTH0, schema: None },
        Answer { name: "okta user", good: okta, read: |body| user('o', body), places: OKTA, schema: None },
        Answer {
            name: "scim user",
            good: fixture(SCIM_USER),
            read: |body| user('c', body),
            places: SCIM,
            schema: Some("urn:ietf:params:scim:schemas:core:2.0:User"),
        },
        Answer {
            name: "auth0 list",
            good: json!({"start": 0, "limit": 100, "length": 3, "total": 3, "users": users}),
            read: |body| list('1', body),
            places: AUTH0_LIST,
            schema: None,
        },
        Answer {
            name: "okta list",
            good: json!(users),
            read: |body| list('2', body),
            places: OKTA_LIST,
            schema: None,
        },
        Answer {
            name: "scim list",
            good: json!({"totalResults": 3, "itemsPerPage": 3, "startIndex": 1, "Resources": users}),
            read: |body| list('3', body),
            places: SCIM_LIST,
            schema: None,
        },
    ]
}

const AUTH0: &[Place] = &[
    Place::needed("/user_id", &["id"], is_id),
    Place::needed("/blocked", &["blocked"], is_flag),
    Place::deep("/identities", &["identities"], |_| false),
    Place::optional("/identities/0/connection", &["identities"]),
    Place::optional("/identities/1/connection", &["identities"]),
    Place::needed("/identities/0/user_id", &["identities"], is_id),
    Place::needed("/identities/1/user_id", &["identities"], is_id),
    Place::needed("/identities/0/provider", &["identities"], is_text),
    Place::needed("/identities/1/provider", &["identities"], is_text),
    Place::optional("/email", &["email"]),
    Place::optional("/email_verified", &["email_verified"]),
    Place::optional("/given_name", &["given_name"]),
    Place::optional("/family_name", &["family_name"]),
    Place::optional("/name", &["display_name"]),
    Place::optional("/phone_number", &["phone"]),
    Place::optional("/app_metadata", &["external_key"]),
    Place::optional("/updated_at", &["version"]),
];

const OKTA: &[Place] = &[
    Place::needed("/id", &["id", "identities"], is_id),
    Place::needed("/status", &["blocked"], is_text),
    Place::needed(
        "/profile",
        &["email", "given_name", "family_name", "display_name", "phone", "external_key"],
        Value::is_object,
    ),
    Place::optional("/profile/email", &["email"]),
    Place::optional("/profile/firstName", &["given_name", "display_name"]),
    Place::optional("/profile/lastName", &["family_name", "display_name"]),
    Place::optional("/profile/mobilePhone", &["phone"]),
    Place::optional("/profile/employeeNumber", &["external_key"]),
    Place::optional("/credentials", &["email_verified"]),
    Place::optional("/lastUpdated", &["version"]),
];

const SCIM: &[Place] = &[
    Place::needed("/id", &["id", "identities"], is_id),
    Place::needed("/active", &["blocked"], is_flag),
    Place::needed("/userName", &[], is_id),
    Place::optional("/externalId", &["external_key"]),
    Place::optional("/name/formatted", &["display_name"]),
    Place::optional("/name/givenName", &["given_name"]),
    Place::optional("/name/familyName", &["family_name"]),
    Place::optional("/emails", &["email"]),
    Place::optional("/phoneNumbers", &["phone"]),
    Place::optional("/meta/lastModified", &["version"]),
    Place::optional("/meta/version", &["etag"]),
];

// A list in which nothing is a user has records that cannot be read, which is said.
const AUTH0_LIST: &[Place] = &[
    Place::needed("/users", &["u1", "u2", "u3"], |_| true),
    Place::optional("/users/0", &["u1"]),
    Place::optional("/users/1", &["u2"]),
    Place::optional("/users/2", &["u3"]),
];

const OKTA_LIST: &[Place] =
    &[Place::optional("/0", &["u1"]), Place::optional("/1", &["u2"]), Place::optional("/2", &["u3"])];

const SCIM_LIST: &[Place] = &[
    Place::needed("/Resources", &["u1", "u2", "u3"], |_| true),
    Place::optional("/Resources/0", &["u1"]),
    Place::optional("/Resources/1", &["u2"]),
    Place::optional("/Resources/2", &["u3"]),
];

fn is_id(value: &Value) -> bool {
    value.is_u64() || value.is_i64() || is_text(value)
}

/// A flag that the changes of form have written as a text is one, too.
fn is_text(value: &Value) -> bool {
    value.is_string() || value.is_boolean() || value.is_u64()
}

fn is_flag(value: &Value) -> bool {
    [json!(true), json!(false), json!(0), json!(1), json!("true")].contains(value)
}

fn user(question: char, body: &[u8]) -> Reading {
    let fetched = read(body, async |world| match question {
        'a' => world.auth0.fetch_user("auth0|1", None).await,
        'o' => world.okta.fetch_user("00u1", None).await,
        _ => world.scim.fetch_user("1", None).await,
    });
    match fetched {
        Ok(FetchedUser::Found(user)) => {
            let mut values = serde_json::to_value(&*user).unwrap().as_object().cloned().unwrap_or_default();
            values.insert("version".to_owned(), json!(user.version.map(|at| at.to_string())));
            values.insert("etag".to_owned(), json!(user.etag));
            Ok(values)
        }
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

fn list(question: char, body: &[u8]) -> Reading {
    let listed: Result<ListedPage, ProviderError> = read(body, async |world| match question {
        '1' => world.auth0.list(None).await,
        '2' => world.okta.list(None).await,
        _ => world.scim.list(None).await,
    });
    let listed = listed.map_err(|error| error.to_string())?;
    Ok(listed.records.into_iter().map(|record| (record.id, json!(true))).collect())
}
