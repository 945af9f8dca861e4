//! Requests with a body: what is sent, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use provider_http::{Answer, Auth, Outage, ProviderError, ProviderHttp, ProviderHttpConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::{Server, body_of, reply};

const BROKEN: ProviderError = ProviderError::Unavailable { cause: Outage::Broken, retry_after: None };

type Outcome = Result<Answer<Value>, ProviderError>;

#[tokio::test]
async fn a_body_is_sent_as_json_with_our_headers() {
    let server = Server::start(|_, request| async move {
        let headers = request.headers().clone();
        let head = format!("{} {}", request.method(), request.uri());
        let body: Value = serde_json::from_slice(&body_of(request).await).unwrap();
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        let seen = json!({"head": head, "body": body, "type": text("content-type"), "v": text("x-version")});
        reply(200, &[], &seen.to_string())
    })
    .await;
    let mut config = server.config();
    config.headers = vec![("x-version".into(), "2026-01-01".into())];
    let client = ProviderHttp::new(config).unwrap();
    let body = json!({"name": "Tove"});
    let posted: Outcome = client.post_json_to_read(&["a b"], &[("q", "1")], &body).await;
    let patched: Outcome = client.patch_json(&["c"], &[], &body).await;
    for (outcome, head) in [(posted, "POST /a%20b?q=1"), (patched, "PATCH /c")] {
        let seen = json!({"head": head, "body": body, "type": "application/json", "v": "2026-01-01"});
        assert_eq!(outcome, Ok(Answer::Found { value: seen, etag: None }));
    }
}

#[tokio::test]
async fn a_reply_without_content_is_null() {
    let server = Server::start(|_, _| async { reply(204, &[], "") }).await;
    let outcome: Result<Answer<()>, _> = server.client().patch_json(&["c"], &[], &json!({})).await;
    assert_eq!(outcome, Ok(Answer::Found { value: (), etag: None }));
}

#[tokio::test]
async fn a_write_refused_for_its_token_is_sent_again_with_a_new_one() {
    let server = Server::start(|_, request| async move {
        let admitted = request.headers()["authorization"] == "Bearer token-2";
        reply(if admitted { 201 } else { 401 }, &[], "{}")
    })
    .await;
    let outcome: Outcome = server.client().patch_json(&["c"], &[], &json!({})).await;
    assert!(outcome.is_ok());
    assert_eq!((server.seen.requests(), server.seen.mints()), (2, 2));
}

#[tokio::test]
async fn writes_wait_at_the_same_gate_as_reads() {
    let server = Server::start(|_, _| async { reply(429, &[("retry-after", "60")], "") }).await;
    let client = server.client();
    let written: Outcome = client.patch_json(&["c"], &[], &json!({})).await;
    let read: Outcome = client.get_json(&["c"], &[], None).await;
    for outcome in [written, read] {
        assert!(matches!(outcome, Err(ProviderError::RateLimited { .. })), "{outcome:?}");
    }
    assert_eq!(server.seen.requests(), 1);
}

/// A server that reads every request and closes the connection instead of answering; counts the requests.
async fn closing() -> (ProviderHttp, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let read = connection.read(&mut [0; 4096]).await.unwrap();
            counted.fetch_add(usize::from(read > 0), Ordering::SeqCst);
            connection.shutdown().await.unwrap();
        }
    });
    let mut config = ProviderHttpConfig::new("crm", url, Auth::Bearer("t".into()));
    config.timeout = Duration::from_secs(5);
    (ProviderHttp::new(config).unwrap(), requests)
}

#[tokio::test]
async fn a_write_is_not_sent_twice_when_its_connection_breaks() {
    let (client, requests) = closing().await;
    let patched: Outcome = client.patch_json(&["c"], &[], &json!({})).await;
    assert_eq!(patched, Err(BROKEN));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_read_is_sent_twice_also_when_it_is_a_post() {
    let (client, requests) = closing().await;
    let read: Outcome = client.post_json_to_read(&["c"], &[], &json!({})).await;
    let got: Outcome = client.get_json(&["c"], &[], None).await;
    assert_eq!((read, got), (Err(BROKEN), Err(BROKEN)));
    assert_eq!(requests.load(Ordering::SeqCst), 4);
}
