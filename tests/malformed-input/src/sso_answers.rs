//! The answers of identity providers, for [`crate::check`].

use axum::http::StatusCode;
use connectors::{
    ChangesFrom, Fetched, FoundSignIn, Listing as _, ProviderError, Records as _, SignIn, SignIns as _,
};
use serde_json::{Map, Value, json};
use time::macros::datetime;

use crate::answers::{Answer, Place, Reading, changed, is_flag, is_id, is_text, listed, values_of};
use crate::corpus::{SCIM_USER, fixture};
use crate::replies::{ENTRA_USER, read, read_reply};

/// Every answer that a connector of an identity provider reads.
pub fn sso_answers() -> Vec<Answer> {
    let mut auth0 = fixture("crates/connectors/tests/fixtures/auth0/user.json");
    auth0["blocked"] = json!(true);
    let okta = fixture("crates/connectors/tests/fixtures/okta/user.json");
    let entra = fixture("crates/connectors/tests/fixtures/entra/user.json");
    let users = ["u1", "u2", "u3"].map(|id| {
        json!({"id": id, "user_id": id, "userName": id, "created_at": "2026-11-24T17:00:00.000Z",
            "updated_at": "2026-11-24T17:00:00.000Z", "meta": {"lastModified": "2026-11-24T17:00:00Z"}})
    });
    let log = |name| fixture(&format!("crates/connectors/tests/fixtures/{name}.json"))["detail"].take();
    let auth0_entry = log("auth0/log-login")["data"].take();
    let mut bare = auth0_entry.clone();
    bare["user_id"] = json!("6720c4d1a9b8e7f605142233");
    let hits = json!([{"user_id": "auth0|aa", "identities": [
        {"provider": "github", "connection": "github", "user_id": 4711, "isSocial": true},
        {"provider": "auth0", "connection": "Bayside-Members", "user_id": "aa", "isSocial": false}]}]);
    let okta_entry = json!([log("okta/log-sign-on")]);
    let frame = json!({"offset": "o7", "event": log("auth0/stream-user-updated")});
    let changes = [("00u1", 10), ("00u2", 20), ("00u3", 30)].map(|(id, minute)| {
        json!({"uuid": format!("5c7e-{minute}"), "eventType": "user.lifecycle.suspend",
            "published": format!("2026-11-24T17:{minute}:00.118Z"), "actor": {"id": "00uAdmin", "type": "User"},
            "outcome": {"result": "SUCCESS"}, "target": [{"id": id, "type": "User", "displayName": "Tove Lind"}]})
    });
    let changes = json!(changes);
    vec![
        Answer::new("auth0 user", auth0, |body| user('a', body), AUTH0),
        Answer::new("entra user", entra, |body| user('e', body), ENTRA),
        Answer::new("okta user", okta, |body| user('o', body), OKTA),
        Answer::new("scim user", fixture(SCIM_USER), |body| user('c', body), SCIM)
            .below_schema("urn:ietf:params:scim:schemas:core:2.0:User"),
        Answer::new(
            "auth0 list",
            json!({"start": 0, "limit": 100, "length": 3, "total": 3, "users": users}),
            |body| list('1', body),
            AUTH0_LIST,
        ),
        Answer::new("okta list", json!(users), |body| list('2', body), OKTA_LIST),
        Answer::new(
            "scim list",
            json!({"totalResults": 3, "itemsPerPage": 3, "startIndex": 1, "Resources": users}),
            |body| list('3', body),
            SCIM_LIST,
        ),
        Answer::new("auth0 sign-in", auth0_entry, |body| sign_in('a', body), AUTH0_SIGN_IN),
        Answer::new("auth0 sign-in with a bare ID", bare, |body| sign_in('a', body), AUTH0_BARE_SIGN_IN),
        Answer::new("auth0 search", hits, search, AUTH0_SEARCH),
        Answer::new("entra list", json!({"value": entra_users()}), entra_list, ENTRA_LIST),
        Answer::new(
            "entra changes",
            json!({"value": entra_users(), "@odata.deltaLink": "?$deltatoken=d7"}),
            entra_changes,
            ENTRA_CHANGES,
        ),
        Answer::new("okta sign-in", okta_entry, |body| sign_in('o', body), OKTA_SIGN_IN),
        Answer::new("auth0 changes", frame, auth0_changes, AUTH0_CHANGES),
        Answer::new("okta changes", changes, okta_changes, OKTA_CHANGES),
        Answer::new(
            "scim changes",
            json!({"totalResults": 3, "itemsPerPage": 3, "startIndex": 1, "Resources": users}),
            scim_changes,
            SCIM_LIST,
        ),
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
    Place::noted("/email", &["email"]),
    Place::optional("/email_verified", &["email_verified"]),
    Place::noted("/given_name", &["given_name"]),
    Place::noted("/family_name", &["family_name"]),
    Place::noted("/name", &["display_name"]),
    Place::noted("/phone_number", &["phone"]),
    Place::optional("/app_metadata", &["external_key"]),
    Place::noted("/updated_at", &["version"]),
];

const ENTRA: &[Place] = &[
    Place::needed("/id", &["id", "identities"], |_| false),
    Place::needed("/accountEnabled", &["blocked"], is_flag),
    Place::needed("/deletedDateTime", &[], |_| false),
    Place::noted("/mail", &["email"]),
    Place::noted("/givenName", &["given_name"]),
    Place::noted("/surname", &["family_name"]),
    Place::noted("/displayName", &["display_name"]),
    Place::noted("/mobilePhone", &["phone"]),
    Place::noted("/businessPhones", &[]),
    Place::noted("/employeeId", &["external_key"]),
    Place::optional("/identities", &["identities"]),
];

// A page without a list is no page, and a user without an ID is said to be unreadable.
const ENTRA_LIST: &[Place] = &[
    Place::needed("/value", &[E1, E2, "count"], |_| true),
    Place::optional("/value/0", &[E1]),
    Place::optional("/value/1", &[E2]),
];

const ENTRA_CHANGES: &[Place] = &[
    Place::needed("/value", &[E1, E2, "count"], |_| true),
    Place::optional("/value/0", &[E1]),
    Place::optional("/value/1", &[E2]),
    Place::needed("/@odata.deltaLink", &["next"], |_| false),
];

const OKTA: &[Place] = &[
    Place::needed("/id", &["id", "identities"], is_id),
    Place::needed("/status", &["blocked"], is_text),
    Place::needed(
        "/profile",
        &["email", "given_name", "family_name", "display_name", "phone", "external_key"],
        Value::is_object,
    ),
    Place::noted("/profile/email", &["email"]),
    Place::noted("/profile/firstName", &["given_name", "display_name"]),
    Place::noted("/profile/lastName", &["family_name", "display_name"]),
    Place::noted("/profile/mobilePhone", &["phone"]),
    Place::noted("/profile/employeeNumber", &["external_key"]),
    Place::optional("/credentials", &["email_verified"]),
    Place::noted("/lastUpdated", &["version"]),
];

const SCIM: &[Place] = &[
    Place::needed("/id", &["id", "identities"], is_id),
    Place::needed("/active", &["blocked"], is_flag),
    Place::needed("/userName", &[], is_id),
    Place::noted("/externalId", &["external_key"]),
    Place::noted("/name/formatted", &["display_name"]),
    Place::noted("/name/givenName", &["given_name"]),
    Place::noted("/name/familyName", &["family_name"]),
    Place::optional("/emails", &["email"]),
    Place::optional("/phoneNumbers", &["phone"]),
    Place::noted("/meta/lastModified", &["version"]),
    Place::noted("/meta/version", &["etag"]),
];

// A list in which nothing is a user has records that cannot be read, which is said.
const AUTH0_LIST: &[Place] = &[
    Place::needed("/users", &["u1", "u2", "u3", "count"], |_| true),
    Place::optional("/users/0", &["u1"]),
    Place::optional("/users/1", &["u2"]),
    Place::optional("/users/2", &["u3"]),
];

const OKTA_LIST: &[Place] = &[
    Place::needed("", &["u1", "u2", "u3", "count"], |_| true),
    Place::optional("/0", &["u1"]),
    Place::optional("/1", &["u2"]),
    Place::optional("/2", &["u3"]),
];

const SCIM_LIST: &[Place] = &[
    Place::needed("/Resources", &["u1", "u2", "u3", "count"], |_| true),
    Place::optional("/Resources/0", &["u1"]),
    Place::optional("/Resources/1", &["u2"]),
    Place::optional("/Resources/2", &["u3"]),
];

const AUTH0_SIGN_IN: &[Place] = &[
    Place::needed("/type", &["user_id", "application_id", "at"], is_text),
    Place::needed("/user_id", &["user_id", "application_id", "at"], is_id),
    Place::needed("/client_id", &["user_id", "application_id", "at"], is_id),
    Place::needed("/date", &["user_id", "application_id", "at"], |_| false),
];

// A search by a bare ID finds no user in this answer.
const AUTH0_BARE_SIGN_IN: &[Place] = &[
    Place::needed("/type", &["user_id", "application_id", "at"], is_text),
    Place::needed("/user_id", &["user_id", "application_id", "at"], is_id),
    Place::needed("/strategy", &["user_id"], is_text),
    Place::needed("/strategy_type", &["user_id"], |_| false),
    Place::needed("/client_id", &["user_id", "application_id", "at"], is_id),
    Place::needed("/date", &["user_id", "application_id", "at"], |_| false),
];

// A user without the identity is another one.
const AUTH0_SEARCH: &[Place] = &[
    Place::needed("", &["user_id", "application_id", "at"], |_| false),
    Place::needed("/0", &["user_id", "application_id", "at"], |_| false),
    Place::needed("/0/user_id", &["user_id"], is_id),
    Place::needed("/0/identities", &["user_id", "application_id", "at"], |_| false),
    Place::needed("/0/identities/0", &["user_id", "application_id", "at"], |_| false),
    Place::needed("/0/identities/0/user_id", &["user_id", "application_id", "at"], is_id),
];

// Without a target, the user signed in to Okta itself.
const OKTA_SIGN_IN: &[Place] = &[
    Place::needed("", &["user_id", "application_id", "at"], |_| false),
    Place::needed("/0/uuid", &["user_id", "application_id", "at"], is_text),
    Place::needed("/0/eventType", &["user_id", "application_id", "at"], is_text),
    Place::needed("/0/outcome", &["user_id", "application_id", "at"], Value::is_object),
    Place::needed("/0/outcome/result", &["user_id", "application_id", "at"], is_text),
    Place::needed("/0/actor", &["user_id", "application_id", "at"], |_| false),
    Place::needed("/0/actor/id", &["user_id"], is_text),
    Place::needed("/0/actor/type", &["user_id", "application_id", "at"], is_text),
    Place::needed("/0/target", &["application_id"], |_| false),
    Place::needed("/0/target/1", &["application_id"], |_| false),
    Place::needed("/0/target/1/id", &["application_id"], is_text),
    Place::needed("/0/target/1/type", &["application_id"], is_text),
    Place::needed("/0/published", &["user_id", "application_id", "at"], |_| false),
];

// A frame that names no user has an offset only.
const AUTH0_CHANGES: &[Place] = &[
    Place::optional("/event", &["auth0|6720c4d1a9b8e7f605142233", "count"]),
    Place::optional("/event/type", &["auth0|6720c4d1a9b8e7f605142233", "count"]),
    Place::optional("/event/data", &["auth0|6720c4d1a9b8e7f605142233"]),
];

// A type that is not about a user changes none.
const OKTA_CHANGES: &[Place] = &[
    Place::needed("", &["00u1", "00u2", "00u3", "count", "next"], |_| false),
    Place::optional("/0", &["00u1"]),
    Place::optional("/1", &["00u2"]),
    Place::optional("/2", &["00u3", "next"]),
    Place::optional("/0/eventType", &["00u1", "count"]),
    Place::optional("/1/eventType", &["00u2", "count"]),
    Place::optional("/2/eventType", &["00u3", "count"]),
    Place::optional("/0/target", &["00u1", "count"]),
    Place::optional("/1/target", &["00u2", "count"]),
    Place::optional("/2/target", &["00u3", "count"]),
];

fn user(question: char, body: &[u8]) -> Reading {
    let fetched = read(body, async |world| match question {
        'a' => world.auth0.fetch("auth0|1", None).await,
        'e' => world.entra.fetch(ENTRA_USER, None).await,
        'o' => world.okta.fetch("00u1", None).await,
        _ => world.scim.fetch("1", None).await,
    });
    match fetched {
        Ok(Fetched::Found(user)) => Ok(values_of(&user)),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

fn list(question: char, body: &[u8]) -> Reading {
    let page = read(body, async |world| match question {
        '1' => world.auth0.list(None).await,
        '2' => world.okta.list(None).await,
        _ => world.scim.list(None).await,
    });
    listed(page)
}

fn sign_in(question: char, body: &[u8]) -> Reading {
    found(read(body, async |world| match question {
        'a' => world.auth0.fetch_sign_in("90020261119").await,
        _ => world.okta.fetch_sign_in("7d3b20f4-c52f-11f1-8a60-0b1c2d3e4007").await,
    }))
}

/// An entry that names no user has no values.
fn found(found: Result<FoundSignIn, ProviderError>) -> Reading {
    match found.map_err(|error| error.to_string())? {
        FoundSignIn::Found(SignIn { user_id, application_id, at, .. }) => {
            let values = [("user_id", user_id), ("application_id", application_id), ("at", at.to_string())];
            Ok(values.map(|(name, value)| (name.to_owned(), json!(value))).into_iter().collect())
        }
        FoundSignIn::Unnamed | FoundSignIn::Missing => Ok(Map::new()),
    }
}

/// The answer to the search for a bare ID, after a log entry with it.
fn search(body: &[u8]) -> Reading {
    let entry = r#"{"type":"s","date":"2026-11-19T07:01:55.020Z","client_id":"c","user_id":"4711"}"#;
    found(read_reply(Some(entry), StatusCode::OK, body, async |world| world.auth0.fetch_sign_in("9").await))
}

const E1: &str = ENTRA_USER;
const E2: &str = "51c2e8aa-0f0e-4a52-8c1d-1b2f3a4c5d6e";

fn entra_users() -> Value {
    json!([{"id": E1, "displayName": "Tove Lind"}, {"id": E2, "@removed": {"reason": "changed"}}])
}

fn entra_list(body: &[u8]) -> Reading {
    listed(read(body, async |world| world.entra.list(None).await))
}

fn entra_changes(body: &[u8]) -> Reading {
    changed(read(body, async |world| world.entra.changes(SINCE).await))
}

const SINCE: ChangesFrom<'_> = ChangesFrom::Time(datetime!(2026-11-24 17:00 UTC));

/// The frame as an event of a stream, and one of another user behind it.
fn auth0_changes(body: &[u8]) -> Reading {
    let frame = str::from_utf8(body).unwrap();
    let (mark, frame) = frame.strip_prefix('\u{feff}').map_or(("", frame), |frame| ("\u{feff}", frame));
    let other = r#"{"offset":"o8","event":{"type":"user.updated","data":{"object":{"user_id":"auth0|2"}}}}"#;
    let stream = format!(
        "{mark}id: o7\nevent: user.updated\ndata: {frame}\n\nid: o8\nevent: user.updated\ndata: {other}\n\n"
    );
    changed(read(stream.as_bytes(), async |world| world.auth0.changes(SINCE).await))
}

fn okta_changes(body: &[u8]) -> Reading {
    changed(read(body, async |world| world.okta.changes(SINCE).await))
}

fn scim_changes(body: &[u8]) -> Reading {
    let mut values = changed(read(body, async |world| world.scim.changes(SINCE).await))?;
    // Where the feed continues depends on what the server has claimed.
    values.remove("next");
    Ok(values)
}
