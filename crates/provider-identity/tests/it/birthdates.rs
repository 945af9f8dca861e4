//! The date of birth, which Stripe shows to few, and not for long.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use provider_identity::{FetchedCase, IdentityProvider, ProviderError, StripeClient, StripeConfig};
use serde_json::{Value, json};

use crate::clients::{SECRET, record};
use crate::server::listen;

/// A client that asks for the date of birth, of an account that refuses whoever does.
async fn refused_client(session: Value) -> StripeClient {
    let answer = move |request: Request| {
        let refused = request.uri().query().unwrap_or_default().contains("dob");
        let reply: Response = match refused {
            true => StatusCode::FORBIDDEN.into_response(),
            false => axum::Json(session).into_response(),
        };
        std::future::ready(reply)
    };
    let base_url = listen(Router::new().fallback(answer)).await.parse().unwrap();
    StripeClient::new(StripeConfig { base_url, api_key: SECRET.into(), date_of_birth: true }).unwrap()
}

#[tokio::test]
async fn a_redaction_is_heard_of_though_the_date_of_birth_is_not_shown_any_more() {
    let mut session = record("stripe-session");
    session["redaction"] = json!({"status": "redacted"});
    let fetched = refused_client(session).await.fetch_case("vs_1").await;
    let Ok(FetchedCase::Found(case)) = fetched else { panic!("{fetched:?}") };
    assert_eq!((case.given_name, case.birthdate), (None, None));
}

#[tokio::test]
async fn a_verified_session_is_not_taken_without_the_date_that_was_asked_for() {
    let fetched = refused_client(record("stripe-session")).await.fetch_case("vs_1").await;
    assert_eq!(fetched, Err(ProviderError::Unauthorized));
}
