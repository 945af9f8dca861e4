//! A tenant without faults.

use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::{Value, json};
use simulators::auth0::{Auth0Simulator, ChangeKind, SimulatedIdentity, SimulatedUser};

pub(crate) const ID: &str = "auth0|6720c4d1a9b8e7f605142233";

async fn ask_for_token(tenant: &Auth0Simulator, change: impl FnOnce(&mut Value)) -> Response {
    let mut request = json!({
        "grant_type": "client_credentials", "client_id": tenant.client_id(),
        "client_secret": tenant.client_secret(), "audience": tenant.audience(),
    });
    change(&mut request);
    Client::new().post(format!("{}/oauth/token", tenant.base_url())).json(&request).send().await.unwrap()
}

pub(crate) async fn token(tenant: &Auth0Simulator) -> String {
    let reply: Value = ask_for_token(tenant, |_| {}).await.json().await.unwrap();
    reply["access_token"].as_str().unwrap().to_owned()
}

/// Reads a path below `/api/v2/`.
pub(crate) async fn get(tenant: &Auth0Simulator, token: &str, path: &str) -> Response {
    Client::new().get(format!("{}/api/v2/{path}", tenant.base_url())).bearer_auth(token).send().await.unwrap()
}

pub(crate) async fn get_user(tenant: &Auth0Simulator, token: &str) -> Response {
    get(tenant, token, "users/auth0%7C6720c4d1a9b8e7f605142233").await
}

#[tokio::test]
async fn only_the_authorized_client_gets_a_token() {
    let tenant = Auth0Simulator::start().await;
    for (field, wrong, status) in [
        ("grant_type", json!("password"), 403),
        ("client_secret", json!("wrong"), 401),
        ("client_id", json!("wrong"), 401),
        ("audience", json!("https://elsewhere.example/"), 403),
        ("client_id", json!(null), 400),
    ] {
        let reply = ask_for_token(&tenant, |request| request[field] = wrong).await;
        assert_eq!(reply.status(), status, "{field}");
    }
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", tenant.client_id()),
        ("client_secret", tenant.client_secret()),
        ("audience", &tenant.audience()),
    ];
    let reply =
        Client::new().post(format!("{}/oauth/token", tenant.base_url())).form(&form).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(tenant.token_requests(), 6);
}

#[tokio::test]
async fn without_a_valid_token_no_request_is_answered() {
    let tenant = Auth0Simulator::start().await;
    tenant.put_user(SimulatedUser::new(ID));
    assert_eq!(get_user(&tenant, "made-up").await.status(), 401);
    let valid = token(&tenant).await;
    assert_eq!(get_user(&tenant, &valid).await.status(), 200);
    tenant.revoke_tokens();
    assert_eq!(get_user(&tenant, &valid).await.status(), 401);
    tenant.set_token_life(Duration::ZERO);
    let expired = token(&tenant).await;
    assert_eq!(get_user(&tenant, &expired).await.status(), 401);
}

#[tokio::test]
async fn a_missing_user_has_auth0_s_404_reply() {
    let tenant = Auth0Simulator::start().await;
    let reply = get_user(&tenant, &token(&tenant).await).await;
    assert_eq!(reply.status(), 404);
    assert_eq!(reply.json::<Value>().await.unwrap()["errorCode"], "inexistent_user");
    assert_eq!((tenant.requests_for(ID), tenant.total_requests()), (1, 1));
}

#[tokio::test]
async fn users_are_searched_by_identity_and_paged() {
    let tenant = Auth0Simulator::start().await;
    let token = token(&tenant).await;
    for number in 0..5 {
        let identity = SimulatedIdentity::new("github", "github", (4700 + number).into());
        tenant.put_user(SimulatedUser::new(&format!("auth0|{number}")).with_identity(identity));
    }
    let ids = async |path: &str| -> Vec<String> {
        let users: Vec<Value> = get(&tenant, &token, path).await.json().await.unwrap();
        users.iter().map(|user| user["user_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("users?q=identities.user_id:%224703%22").await, ["auth0|3"]);
    assert_eq!(ids("users?per_page=2&page=1").await, ["auth0|2", "auth0|3"]);
    assert_eq!(get(&tenant, &token, "users?per_page=101").await.status(), 400);
    assert_eq!(get(&tenant, &token, "users?q=email:x").await.status(), 400);
    assert_eq!((tenant.pings(), tenant.searches()), (2, 2));
}

#[tokio::test]
async fn each_change_is_later_than_the_one_before() {
    let tenant = Auth0Simulator::start().await;
    let mut last = tenant.put_user(SimulatedUser::new(ID));
    assert_eq!(last.kind, ChangeKind::Created);
    for count in 0..100 {
        let change = tenant.update(ID, |user| user.logins_count = count);
        assert!(
            change.at > last.at && change.user.updated_at == change.at && change.at.microsecond() % 1000 == 0
        );
        assert_eq!((change.kind, change.user.created_at), (ChangeKind::Updated, last.user.created_at));
        last = change;
    }
    let deleted = tenant.delete(ID);
    assert!(deleted.at > last.at && tenant.user(ID).is_none() && tenant.users().is_empty());
}

#[tokio::test]
async fn events_carry_the_personal_values_that_a_leak_test_looks_for() {
    let tenant = Auth0Simulator::start().await;
    let change = tenant.put_user(SimulatedUser::new(ID));
    let values = change.user.personal_values();
    assert_eq!(values.len(), 5);
    for event in [change.stream_event(), change.log_event()] {
        for value in &values {
            assert!(event.detail.contains(value.as_str()), "{value} in {}", event.detail);
        }
    }
}
