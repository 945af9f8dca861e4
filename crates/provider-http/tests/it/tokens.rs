//! Tokens: how many are minted, and when.

use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use provider_http::{Answer, Auth, Outage, ProviderError, ProviderHttp, ProviderHttpConfig};
use serde_json::{Value, json};

use crate::server::{SECRET, Server, reply};

async fn get(client: &ProviderHttp) -> Result<Answer<Value>, ProviderError> {
    client.get_json(&["users", "x"], &[], None).await
}

/// Accepts only this token.
fn admits(token: &str, request: &Request) -> Response {
    let admitted =
        request.headers().get("authorization").is_some_and(|value| value == &format!("Bearer {token}"));
    reply(if admitted { 200 } else { 401 }, &[], "{}")
}

fn token_reply(expires_in_secs: u64) -> impl Fn(usize) -> Response + Clone + Send + Sync + 'static {
    move |number| {
        axum::Json(json!({"access_token": format!("token-{number}"), "expires_in": expires_in_secs}))
            .into_response()
    }
}

/// Sends `count` calls at once.
async fn many(client: &ProviderHttp, count: usize) -> Vec<Result<Answer<Value>, ProviderError>> {
    let calls: Vec<_> = (0..count)
        .map(|_| {
            tokio::spawn({
                let client = client.clone();
                async move { get(&client).await }
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for call in calls {
        outcomes.push(call.await.unwrap());
    }
    outcomes
}

#[tokio::test]
async fn many_callers_share_one_mint() {
    let server = Server::start(|_, request| async move { admits("token-1", &request) }).await;
    let client = server.client();
    assert!(many(&client, 40).await.iter().all(Result::is_ok));
    assert!(get(&client).await.is_ok());
    assert_eq!(server.seen.mints(), 1);
}

#[tokio::test]
async fn a_refused_token_is_minted_again_once_for_all() {
    let server = Server::start(|_, request| async move { admits("token-2", &request) }).await;
    assert!(many(&server.client(), 40).await.iter().all(Result::is_ok));
    assert_eq!(server.seen.mints(), 2);
}

#[tokio::test]
async fn if_new_tokens_are_refused_too_no_more_are_minted() {
    let server = Server::start(|_, _| async { reply(401, &[], "") }).await;
    let client = server.client();
    for _ in 0..5 {
        assert_eq!(get(&client).await, Err(ProviderError::Unauthorized));
    }
    assert_eq!(server.seen.mints(), 2);
}

#[tokio::test]
async fn an_expired_token_is_not_sent() {
    let server = Server::start_with_tokens(|_, _| async { reply(200, &[], "{}") }, token_reply(0)).await;
    let client = server.client();
    for _ in 0..3 {
        get(&client).await.unwrap();
    }
    assert_eq!(server.seen.mints(), 3);
}

#[tokio::test]
async fn a_fixed_token_is_sent_and_never_renewed() {
    let server = Server::start(|_, request| async move { admits("fixed", &request) }).await;
    let with = |token: &str| {
        ProviderHttp::new(ProviderHttpConfig::new("idp", server.url.clone(), Auth::Bearer(token.into())))
            .unwrap()
    };
    assert!(get(&with("fixed")).await.is_ok());
    assert_eq!(get(&with("wrong")).await, Err(ProviderError::Unauthorized));
    assert_eq!((server.seen.requests(), server.seen.mints()), (2, 0));
}

#[tokio::test]
async fn a_status_of_the_token_endpoint_has_its_usual_meaning() {
    let cases = [
        (400, ProviderError::Unauthorized),
        (401, ProviderError::Unauthorized),
        (403, ProviderError::Unauthorized),
        (404, ProviderError::Unusable { why: "the token endpoint refuses the request itself" }),
        (405, ProviderError::Unusable { why: "the token endpoint refuses the request itself" }),
        (429, ProviderError::RateLimited { retry_after: Duration::from_secs(9) }),
        (
            500,
            ProviderError::Unavailable {
                cause: Outage::ServerError,
                retry_after: Some(Duration::from_secs(9)),
            },
        ),
    ];
    for (status, expected) in cases {
        let token = move |_| reply(status, &[("retry-after", "9")], SECRET);
        let server = Server::start_with_tokens(|_, _| async { reply(200, &[], "{}") }, token).await;
        assert_eq!(get(&server.client()).await, Err(expected), "{status}");
        assert_eq!(server.seen.requests(), 0);
    }
}

#[tokio::test]
async fn callers_who_waited_for_a_failed_mint_share_its_failure() {
    let token = |_| reply(500, &[], "");
    let server = Server::start_with_tokens(|_, _| async { reply(200, &[], "{}") }, token).await;
    let outcomes = many(&server.client(), 16).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(ProviderError::Unavailable { .. }))));
    assert_eq!(server.seen.mints(), 1);
}

#[tokio::test]
async fn a_failed_mint_is_tried_again_by_the_next_caller() {
    let token = |number| if number == 1 { reply(500, &[], "") } else { token_reply(600)(number) };
    let server = Server::start_with_tokens(|_, _| async { reply(200, &[], "{}") }, token).await;
    let client = server.client();
    assert!(get(&client).await.is_err());
    assert!(get(&client).await.is_ok());
}
