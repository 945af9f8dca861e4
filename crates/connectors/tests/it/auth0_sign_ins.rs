//! Sign-ins of the simulated tenant: from the event, and from the log.

use connectors::{Auth0Client, FoundSignIn, ProviderError, Records, SignIn, SignInEvent, SignIns};
use event_contract::Envelope;
use provider_http::test_server::{answering, serve};
use serde_json::{Value, json};
use simulators::NativeEvent;
use simulators::auth0::{Auth0Simulator, SimulatedUser};

use crate::fixtures::{auth0_at, auth0_of, read_sign_in, source};

const ID: &str = "auth0|6720c4d1a9b8e7f605142233";
const APP: &str = "simPortal000000000000042";

fn read(client: &Auth0Client, event: &NativeEvent) -> SignInEvent {
    let envelope = Envelope::parse(&event.to_envelope_json()).unwrap();
    read_sign_in(&source("auth0", client.clone()), &envelope).unwrap()
}

fn log_id(event: &NativeEvent) -> String {
    let detail: Value = serde_json::from_str(&event.detail).unwrap();
    detail["log_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_sign_in_is_read_alike_from_its_event_and_from_the_log() {
    let tenant = Auth0Simulator::start().await;
    let client = auth0_of(&tenant);
    tenant.put_user(SimulatedUser::new(ID));
    let event = tenant.sign_in(ID, APP);
    let SignInEvent::Complete(sign_in) = read(&client, &event) else { panic!("{event:?}") };
    let SignIn { event_id, user_id, application_id, .. } = &sign_in;
    assert_eq!((event_id, user_id.as_str(), application_id.as_str()), (&log_id(&event), ID, APP));
    assert_eq!(client.fetch_sign_in(event_id).await, Ok(FoundSignIn::Found(sign_in.clone())));
    assert_eq!(tenant.log_requests(), 1);
}

#[tokio::test]
async fn a_log_entry_that_is_gone_or_names_no_user_is_no_sign_in() {
    let tenant = Auth0Simulator::start().await;
    let client = auth0_of(&tenant);
    assert_eq!(client.fetch_sign_in("9002026").await, Ok(FoundSignIn::Missing));
    tenant.set_status("9002026", Some(400));
    assert_eq!(client.fetch_sign_in("9002026").await, Err(ProviderError::Invalid { status: 400 }));
    assert_eq!(client.fetch_sign_in("..").await, Err(ProviderError::Invalid { status: 400 }));
    assert_eq!((tenant.log_requests(), tenant.pings()), (2, 0));
}

/// A log entry of a social login, whose user ID is the connection's own.
fn bare_entry(code: &str) -> Value {
    json!({"type": code, "date": "2026-11-19T07:01:55.020Z", "client_id": APP, "user_id": "4711",
        "strategy": "github", "strategy_type": "social", "log_id": "9"})
}

#[tokio::test]
async fn a_bare_id_in_the_log_is_looked_up() {
    for (code, hits, expected) in [
        (
            "s",
            json!([{"user_id": "auth0|aa", "identities": [{"provider": "github", "user_id": 4711}]}]),
            Ok("auth0|aa"),
        ),
        (
            "s",
            json!([{"user_id": "auth0|aa", "identities": [{"user_id": {}}, {"user_id": "4711"}]}]),
            Ok("auth0|aa"),
        ),
        ("s", json!([{"user_id": "auth0|bb", "identities": [{"user_id": 47}]}]), Err(FoundSignIn::Missing)),
        ("s", json!([]), Err(FoundSignIn::Missing)),
        ("f", json!([]), Err(FoundSignIn::Unnamed)),
    ] {
        let entry = bare_entry(code);
        let router = axum::Router::new()
            .route("/oauth/token", axum::routing::post(|| async { r#"{"access_token":"t"}"# }))
            .route("/api/v2/logs/9", axum::routing::get(move || async move { axum::Json(entry) }))
            .route("/api/v2/users", axum::routing::get(move || async move { axum::Json(hits) }));
        let client = auth0_at(&serve(router).await);
        let user = match client.fetch_sign_in("9").await.unwrap() {
            FoundSignIn::Found(sign_in) => Ok(sign_in.user_id),
            other => Err(other),
        };
        assert_eq!(user, expected.map(str::to_owned), "{code}");
    }
}

#[tokio::test]
async fn a_user_that_cannot_be_read_is_not_missing_from_a_search() {
    for hit in [
        json!({"user_id": "auth0|aa", "identities": "github"}),
        json!({"user_id": "auth0|aa", "identities": [{"user_id": [4711, 4712]}]}),
        json!({"user_id": {}, "identities": [{"user_id": 4711}]}),
        json!({"user_id": "auth0|aa"}),
        json!(7),
    ] {
        let text = hit.to_string();
        let client = auth0_at(&answering(200, &[], json!([hit])).await);
        let unreadable = ProviderError::Unreadable { field: "identities" };
        assert_eq!(client.fetch("4711", None).await, Err(unreadable), "{text}");
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_does_not_look_as_if_it_named_no_user() {
    for (field, odd) in [
        ("type", json!(7)),
        ("type", Value::Null),
        ("user_id", json!({"id": "auth0|aa"})),
        ("user_id", json!(["auth0|aa", "auth0|bb"])),
        ("client_id", json!(true)),
        ("date", json!("lately")),
    ] {
        let mut entry = bare_entry("s");
        entry["user_id"] = json!("auth0|aa");
        entry[field] = odd.clone();
        let client = auth0_at(&answering(200, &[], entry).await);
        assert_eq!(
            client.fetch_sign_in("9").await,
            Err(ProviderError::Unreadable { field }),
            "{field} {odd}"
        );
    }
    let mut entry = bare_entry("s");
    entry["strategy_type"] = json!(7);
    let client = auth0_at(&answering(200, &[], entry).await);
    let unreadable = ProviderError::Unreadable { field: "strategy_type" };
    assert_eq!(client.fetch_sign_in("9").await, Err(unreadable), "the bare ID may need it");
}

#[tokio::test]
async fn a_name_that_is_there_twice_costs_a_sign_in_only_if_it_has_two_values() {
    let entry = |more: &str| {
        format!(
            r#"{{"type":"s","date":"2026-11-19 07:01:55","client_id":4711,"user_id":"auth0|aa","strategy":7,{more}}}"#
        )
    };
    for (more, expected) in [
        (r#""user_id":null"#, Ok("auth0|aa")),
        (r#""TYPE":"s","Client_ID":4711"#, Ok("auth0|aa")),
        (r#""user_id":"auth0|bb""#, Err(ProviderError::Unreadable { field: "user_id" })),
    ] {
        let client = auth0_at(&answering(200, &[], entry(more)).await);
        let user = match client.fetch_sign_in("9").await {
            Ok(FoundSignIn::Found(sign_in)) => Ok(sign_in.user_id),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        };
        assert_eq!(user, expected.map(str::to_owned), "{more}");
    }
}

#[tokio::test]
async fn an_entry_that_names_no_user_is_not_missing() {
    for lack in ["user_id", "client_id", "date"] {
        let mut entry = bare_entry("s");
        entry["user_id"] = json!("auth0|aa");
        entry.as_object_mut().unwrap().remove(lack);
        let client = auth0_at(&answering(200, &[], entry).await);
        assert_eq!(client.fetch_sign_in("9").await, Ok(FoundSignIn::Unnamed), "{lack}");
    }
}
