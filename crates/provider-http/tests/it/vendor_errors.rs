//! A vendor's own reading of an error reply.

use std::time::Duration;

use provider_http::{Answer, Outage, ProviderError, ProviderHttp};
use serde_json::Value;

use crate::server::{Server, reply};

/// A vendor's reader: the code in the body counts, whatever the status.
fn read_error(status: u16, body: &[u8]) -> Option<ProviderError> {
    match (status, body) {
        (403, b"USED_UP") => Some(ProviderError::RateLimited { retry_after: Duration::from_secs(86_400) }),
        (400, b"LOCKED") => {
            Some(ProviderError::Unavailable { cause: Outage::ServerError, retry_after: Some(Duration::ZERO) })
        }
        _ => None,
    }
}

/// The results of two calls in a row to a server that gives this reply, and how many were sent.
async fn outcomes(status: u16, body: &str) -> ([Result<Answer<Value>, ProviderError>; 2], usize) {
    let body = body.to_owned();
    let server = Server::start(move |_, _| {
        let body = body.clone();
        async move { reply(status, &[], &body) }
    })
    .await;
    let mut config = server.config();
    config.read_error = Some(read_error);
    let client = ProviderHttp::new(config).unwrap();
    let first = client.get_json(&["c"], &[], None).await;
    let second = client.get_json(&["c"], &[], None).await;
    ([first, second], server.seen.requests())
}

#[tokio::test]
async fn a_quota_that_is_used_up_closes_the_gate_for_no_longer_than_any_pause() {
    let ([first, second], requests) = outcomes(403, "USED_UP").await;
    assert_eq!(first, Err(ProviderError::RateLimited { retry_after: Duration::from_secs(3600) }));
    assert!(matches!(second, Err(ProviderError::RateLimited { .. })));
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn a_lock_is_an_outage_that_leaves_the_gate_open() {
    let ([first, second], requests) = outcomes(400, "LOCKED").await;
    let retry_after = Some(Duration::from_secs(1));
    assert_eq!(first, Err(ProviderError::Unavailable { cause: Outage::ServerError, retry_after }));
    assert_eq!((second, requests), (first, 2));
}

#[tokio::test]
async fn a_body_without_a_known_code_means_what_its_status_means() {
    let long = "x".repeat(100_000);
    for body in ["", "mara", long.as_str()] {
        let ([first, _], requests) = outcomes(403, body).await;
        assert_eq!((first, requests), (Err(ProviderError::Unauthorized), 2));
    }
    assert_eq!(outcomes(404, "USED_UP").await.0[0], Ok(Answer::NotFound));
}
