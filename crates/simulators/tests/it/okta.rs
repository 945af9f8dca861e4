//! The simulated organization.

use std::time::Duration;

use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Client, Response};
use serde_json::Value;
use simulators::okta::{Fault, OktaSimulator, SimulatedUser};

const ID: &str = "00uSimSigne0000h7";

async fn get(org: &OktaSimulator, path: &str, known: &str) -> Response {
    let request = Client::new().get(format!("{}/api/v1/{path}", org.base_url()));
    let request = request.header("authorization", format!("SSWS {}", org.api_token()));
    request.header(IF_NONE_MATCH, known).send().await.unwrap()
}

async fn get_user(org: &OktaSimulator) -> Response {
    get(org, &format!("users/{ID}"), "none").await
}

#[tokio::test]
async fn an_entity_tag_changes_with_each_change() {
    let org = OktaSimulator::start().await;
    org.put_user(SimulatedUser::new(ID));
    let tag = get_user(&org).await.headers()[ETAG].to_str().unwrap().to_owned();
    assert_eq!(get(&org, &format!("users/{ID}"), &tag).await.status(), 304);
    org.suspend(ID);
    let reply = get(&org, &format!("users/{ID}"), &tag).await;
    assert_eq!(reply.status(), 200);
    let body: Value = reply.json().await.unwrap();
    assert_eq!(
        (&body["status"], &body["credentials"]["emails"][0]["status"]),
        (&"SUSPENDED".into(), &"VERIFIED".into())
    );
    assert!(body["lastUpdated"].as_str().unwrap().ends_with(".000Z"), "whole seconds");
}

#[tokio::test]
async fn unknown_and_deleted_users_are_not_found_and_deactivated_users_are_not_listed() {
    let org = OktaSimulator::start().await;
    assert_eq!(get_user(&org).await.status(), 404);
    org.put_user(SimulatedUser::new(ID));
    let listed = async || get(&org, "users?limit=1", "").await.json::<Vec<Value>>().await.unwrap().len();
    assert_eq!(listed().await, 1);
    org.deactivate(ID);
    assert_eq!((listed().await, get_user(&org).await.status().as_u16()), (0, 200));
    org.delete(ID);
    let reply = get_user(&org).await;
    assert_eq!(reply.status(), 404);
    assert_eq!(reply.json::<Value>().await.unwrap()["errorCode"], "E0000007");
}

#[tokio::test]
async fn a_stale_replica_shows_the_state_before_the_last_change() {
    let org = OktaSimulator::start().await;
    org.put_user(SimulatedUser::new(ID));
    org.set_fault(Fault::Stale);
    assert_eq!(get_user(&org).await.status(), 404);
    org.suspend(ID);
    assert_eq!(get_user(&org).await.json::<Value>().await.unwrap()["status"], "ACTIVE");
    org.delete(ID);
    assert_eq!(get_user(&org).await.json::<Value>().await.unwrap()["status"], "SUSPENDED");
}

#[tokio::test]
async fn faults_the_token_and_the_limit_hold_for_every_request() {
    let org = OktaSimulator::start().await;
    let stranger = Client::new().get(format!("{}/api/v1/users", org.base_url())).bearer_auth("x");
    assert_eq!(stranger.send().await.unwrap().status(), 401);
    org.set_fault(Fault::Down);
    assert_eq!(get_user(&org).await.status(), 503);
    org.set_fault(Fault::WrongJson);
    assert!(get_user(&org).await.text().await.unwrap().starts_with("<!doctype"));
    org.set_fault(Fault::Slow(Duration::from_millis(1)));
    org.set_rate_limit(1, Duration::from_secs(60));
    let admitted = get_user(&org).await;
    assert_eq!(
        (admitted.status().as_u16(), &admitted.headers()["x-rate-limit-remaining"]),
        (404, &"0".parse().unwrap())
    );
    let refused = get_user(&org).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("x-rate-limit-reset"));
    assert_eq!((org.total_requests(), org.requests_for(ID)), (5, 4));
}

#[tokio::test]
async fn events_carry_the_personal_values_that_a_leak_test_looks_for() {
    let org = OktaSimulator::start().await;
    let change = org.put_user(SimulatedUser::new(ID));
    for event in [change.log_event(), org.sign_in(ID, None), org.sign_in(ID, Some("0oaSim"))] {
        for value in change.user.personal_values().iter().take(3) {
            assert!(event.detail.contains(value.as_str()), "{value} in {}", event.detail);
        }
    }
}
