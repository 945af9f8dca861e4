//! The date of birth, which Stripe shows to some keys only, and for 48 hours.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use connectors::{Fetched, ProviderError, Records, StripeClient, StripeConfig, Vendor};
use provider_http::test_server::answering_with;
use serde_json::{Value, json};

use crate::fixtures::{SECRET, record};

/// A client that requests the date of birth, of an account that refuses such requests.
async fn refused_client(session: Value) -> StripeClient {
    let answer = move |request: Request| {
        let refused = request.uri().query().unwrap_or_default().contains("dob");
        let reply: Response = match refused {
            true => StatusCode::FORBIDDEN.into_response(),
            false => axum::Json(&session).into_response(),
        };
        std::future::ready(reply)
    };
    let url = answering_with(answer).await.parse().unwrap();
    StripeClient::client(
        StripeConfig { url, api_key: SECRET.into(), account: None, date_of_birth: true },
        |_| {},
    )
    .unwrap()
}

fn session() -> Value {
    let mut session = record("stripe/session");
    session["id"] = json!("vs_1");
    session
}

#[tokio::test]
async fn a_redaction_is_read_although_the_date_of_birth_is_shown_no_longer() {
    let mut session = session();
    session["redaction"] = json!({"status": "redacted"});
    let fetched = refused_client(session).await.fetch("vs_1", None).await;
    let Ok(Fetched::Found(case)) = fetched else { panic!("{fetched:?}") };
    assert_eq!((case.text("given_name"), case.text("birthdate")), (None, None));
}

#[tokio::test]
async fn a_verified_session_without_the_requested_date_is_refused() {
    let fetched = refused_client(session()).await.fetch("vs_1", None).await;
    assert_eq!(fetched, Err(ProviderError::Unauthorized));
}
