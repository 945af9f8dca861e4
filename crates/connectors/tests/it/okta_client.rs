//! The Okta client against the simulated organization.

use std::time::Duration;

use connectors::{
    Fetched, FoundSignIn, OktaAuth, OktaClient, OktaConfig, Outage, ProviderError, Record, Records, SignIn,
    SignInEvent, SignInIdentity, SignIns, Vendor,
};
use event_contract::Envelope;
use provider_http::test_server::answering;
use serde_json::{Value, json};
use simulators::NativeEvent;
use simulators::okta::{Fault, OktaControl, OktaSimulator, SimulatedUser};

use crate::fixtures::{Parts as _, hints, okta_at, read_sign_in, source};

const ID: &str = "00uSimSigne0000h7";
const APP: &str = "0oaSimPortal000h7";

fn client(org: &OktaSimulator) -> OktaClient {
    okta_at(&org.base_url(), org.api_token())
}

async fn found(client: &OktaClient, id: &str) -> Record {
    match client.fetch(id, None).await {
        Ok(Fetched::Found(user)) => *user,
        other => panic!("{id}: {other:?}"),
    }
}

fn envelope(event: &NativeEvent) -> Envelope {
    Envelope::parse(&event.to_envelope_json()).unwrap()
}

#[tokio::test]
async fn a_recorded_user_is_read() {
    let user = include_str!("../fixtures/okta/user.json");
    let user = found(&okta_at(&answering(200, &[], user).await, "t"), "00uBaysideTove00h7").await;
    assert_eq!((user.text("display_name"), user.etag.as_deref()), (Some("Tove Lind"), None));
    assert!(user.account().blocked && user.account().email_verified && user.version_at.is_some());
}

#[tokio::test]
async fn a_user_is_read_in_full() {
    let org = OktaSimulator::start().await;
    let stored = org.put_user(SimulatedUser::new(ID).with_employee_number("P-7")).user;
    let user = found(&client(&org), ID).await;
    let name = format!("{} {}", stored.first_name, stored.last_name);
    assert_eq!((user.id.as_str(), user.text("email")), (ID, Some(stored.email.as_str())));
    assert_eq!(
        (user.text("given_name"), user.text("family_name")),
        (Some(stored.first_name.as_str()), Some(stored.last_name.as_str()))
    );
    assert_eq!(
        (user.text("display_name"), user.text("phone")),
        (Some(name.as_str()), stored.mobile_phone.as_deref())
    );
    assert_eq!((user.external_key.as_deref(), user.version_at), (Some("P-7"), Some(stored.last_updated)));
    assert!(user.account().email_verified && !user.account().blocked && user.etag.is_some());
    let own = SignInIdentity { provider: "okta".into(), connection: None, subject: ID.into() };
    assert_eq!(user.account().identities, [own]);
}

#[tokio::test]
async fn a_user_without_a_profile_has_no_values() {
    let org = OktaSimulator::start().await;
    org.put_user(SimulatedUser::new(ID));
    org.set_fault(Fault::Partial);
    let user = found(&client(&org), ID).await;
    assert_eq!((user.id.as_str(), user.text("email"), user.text("display_name")), (ID, None, None));
    assert!(!user.account().email_verified && !user.account().blocked);
}

#[tokio::test]
async fn a_user_is_followed_from_creation_to_deletion() {
    let org = OktaSimulator::start().await;
    let client = client(&org);
    org.put_user(SimulatedUser::new(ID));
    let first = found(&client, ID).await;
    let unchanged = client.fetch(ID, first.etag.as_deref()).await;
    assert_eq!((unchanged, org.not_modified()), (Ok(Fetched::NotModified), 1));
    for change in [OktaControl::suspend, OktaControl::deactivate] {
        change(&org, ID);
        let Ok(Fetched::Found(user)) = client.fetch(ID, first.etag.as_deref()).await else {
            panic!("a changed user is not modified")
        };
        assert!(user.account().blocked && user.etag != first.etag);
    }
    org.delete(ID);
    assert_eq!(client.fetch(ID, first.etag.as_deref()).await, Ok(Fetched::NotFound));
    assert_eq!(org.requests_for(ID), 5);
}

#[tokio::test]
async fn every_event_of_the_organization_leads_to_its_user() {
    let org = OktaSimulator::start().await;
    let source = source("okta", client(&org));
    let created = org.put_user(SimulatedUser::new(ID));
    let changes = [created, org.suspend(ID), org.deactivate(ID), org.delete(ID)];
    for change in &changes {
        let hints = hints(source.read_event(&envelope(&change.log_event()))).unwrap();
        assert_eq!(hints.iter().map(|hint| hint.id.as_str()).collect::<Vec<_>>(), [ID], "{change:?}");
        let gone = change.event_type == "user.lifecycle.delete.completed";
        assert_eq!(hints[0].removed, gone);
        assert_eq!(hints[0].not_before.is_some(), gone);
    }
}

#[tokio::test]
async fn a_sign_in_is_read_alike_from_its_event_and_from_the_log() {
    let org = OktaSimulator::start().await;
    let client = client(&org);
    org.put_user(SimulatedUser::new(ID));
    for (application, expected) in [(Some(APP), APP), (None, "okta")] {
        let read = read_sign_in(&source("okta", client.clone()), &envelope(&org.sign_in(ID, application)));
        let Ok(SignInEvent::Complete(sign_in)) = read else { panic!("{read:?}") };
        let SignIn { user_id, application_id, .. } = &sign_in;
        assert_eq!((user_id.as_str(), application_id.as_str()), (ID, expected));
        let fetched = client.fetch_sign_in(&sign_in.event_id).await;
        assert_eq!(fetched, Ok(FoundSignIn::Found(sign_in)));
    }
    assert_eq!(client.fetch_sign_in("0b7a3d6e-9f51").await, Ok(FoundSignIn::Missing), "no longer in the log");
    assert_eq!(org.log_requests(), 3);
}

fn log_entry() -> Value {
    json!({"uuid": "7d3b20f4", "eventType": "user.authentication.sso", "published": "2026-11-19T11:42:07.912Z",
        "outcome": {"result": "SUCCESS"}, "actor": {"id": ID, "type": "User"},
        "target": [{"id": "0ua1", "type": "AppUser"}, {"id": APP, "type": "AppInstance"}]})
}

async fn sign_in_of(entry: impl ToString) -> Result<FoundSignIn, ProviderError> {
    let org = answering(200, &[], format!("[{}]", entry.to_string())).await;
    okta_at(&org, "t").fetch_sign_in("7d3b20f4").await
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_neither_missing_nor_without_a_name_nor_a_sign_in_to_okta_itself() {
    for (place, odd, field) in [
        ("/uuid", json!({"x": 1}), "uuid"),
        ("/uuid", Value::Null, "uuid"),
        ("/eventType", json!(7), "eventType"),
        ("/published", json!("lately"), "published"),
        ("/outcome", json!("SUCCESS"), "outcome"),
        ("/actor", json!(ID), "actor"),
        ("/actor/id", json!(["a", "b"]), "actor"),
        ("/target", json!(APP), "target"),
        ("/target/1/id", json!(7), "target"),
        ("/target/1/type", Value::Null, "target"),
    ] {
        let mut entry = log_entry();
        *entry.pointer_mut(place).unwrap() = odd.clone();
        let read = sign_in_of(entry).await;
        assert_eq!(read, Err(ProviderError::Unreadable { field }), "{place} {odd}");
    }
    let twice = |more: &str| log_entry().to_string().replacen('{', &format!("{{{more},"), 1);
    assert!(matches!(sign_in_of(twice(r#""UUID":"7d3b20f4","uuid":null"#)).await, Ok(FoundSignIn::Found(_))));
    let contradiction = twice(r#""published":"2026-11-20T11:42:07.912Z""#);
    assert_eq!(sign_in_of(contradiction).await, Err(ProviderError::Unreadable { field: "published" }));
}

#[tokio::test]
async fn an_odd_value_beside_a_sign_in_costs_nothing() {
    for place in ["/target/0", "/target/0/id", "/target/0/type"] {
        let mut entry = log_entry();
        *entry.pointer_mut(place).unwrap() = json!(7);
        let Ok(FoundSignIn::Found(sign_in)) = sign_in_of(entry).await else { panic!("{place}") };
        assert_eq!((sign_in.user_id.as_str(), sign_in.application_id.as_str()), (ID, APP), "{place}");
    }
    let mut session = log_entry();
    session["eventType"] = json!("user.session.start");
    session["target"] = json!(7);
    let Ok(FoundSignIn::Found(sign_in)) = sign_in_of(session).await else {
        panic!("it names no application")
    };
    assert_eq!(sign_in.application_id, "okta");
}

#[tokio::test]
async fn an_id_with_another_meaning_is_not_sent() {
    let org = OktaSimulator::start().await;
    let client = client(&org);
    let refused = ProviderError::Invalid { status: 400 };
    for event_id in ["", r#"9" or uuid pr or uuid eq "9"#, "9\\", "ä"] {
        assert_eq!(client.fetch_sign_in(event_id).await, Err(refused.clone()), "{event_id}");
    }
    assert_eq!(client.fetch("me", None).await, Err(refused));
    assert_eq!(org.total_requests(), 0);
}

#[tokio::test]
async fn a_wrong_token_is_unauthorized_and_an_outage_is_not() {
    let org = OktaSimulator::start().await;
    let stranger = okta_at(&org.base_url(), "wrong");
    assert_eq!(stranger.ping().await, Err(ProviderError::Unauthorized));
    assert_eq!(client(&org).ping().await, Ok(()));
    org.set_fault(Fault::Down);
    let down = ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };
    assert_eq!(client(&org).ping().await, Err(down));
    org.set_fault(Fault::WrongJson);
    assert!(matches!(client(&org).ping().await, Err(ProviderError::Malformed { .. })));
    assert_eq!(org.pings(), 4);
}

#[tokio::test]
async fn a_used_up_quota_stops_the_client_before_the_provider_does() {
    let org = OktaSimulator::start().await;
    let client = client(&org);
    org.put_user(SimulatedUser::new(ID));
    org.set_rate_limit(2, Duration::from_secs(60));
    found(&client, ID).await;
    found(&client, ID).await;
    for _ in 0..3 {
        assert!(matches!(client.fetch(ID, None).await, Err(ProviderError::RateLimited { .. })));
    }
    assert_eq!(org.requests_for(ID), 2);
}

#[test]
fn a_text_that_is_no_key_is_found_when_the_client_is_made() {
    let auth = OktaAuth::PrivateKey { client_id: "0oaBayside".into(), private_key: "hunter2".into() };
    let error =
        OktaClient::client(OktaConfig { url: "https://bayside.example".parse().unwrap(), auth }, |_| {});
    let text = format!("{:?}", error.unwrap_err());
    assert!(!text.contains("hunter2"), "{text}");
}
