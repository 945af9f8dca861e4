//! Each kind of reply, over a connection.

use std::time::Duration;

use axum::body::Body;
use provider_http::{Answer, Auth, Outage, ProviderError, ProviderHttp, ProviderHttpConfig};
use serde::Deserialize;

use crate::server::{SECRET, Server, reply};

#[derive(Debug, Deserialize, PartialEq)]
struct Record {
    id: String,
}

type Outcome = Result<Answer<Record>, ProviderError>;

/// A client's answer to one fixed reply.
async fn outcome_of(
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
) -> Outcome {
    let server = Server::start(move |_, _| async move { reply(status, headers, body) }).await;
    server.client().get_json(&["users", "a|b"], &[("secret_query", "mara")], None).await
}

#[tokio::test]
async fn a_record_comes_with_its_etag() {
    let found = outcome_of(200, &[("etag", r#"W/"7""#)], r#"{"id":"a|b"}"#).await.unwrap();
    let expected = Answer::Found { value: Record { id: "a|b".into() }, etag: Some(r#"W/"7""#.into()) };
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_missing_record_is_an_answer() {
    for (status, answer) in [(404, Answer::NotFound), (410, Answer::Gone)] {
        assert_eq!(outcome_of(status, &[], "<html>no such page</html>").await, Ok(answer));
    }
}

#[tokio::test]
async fn a_condition_is_sent_and_a_304_is_an_answer() {
    let server = Server::start(|_, request| async move {
        let current = request.headers().get("if-none-match").is_some_and(|etag| etag == r#"W/"7""#);
        reply(if current { 304 } else { 200 }, &[], r#"{"id":"x"}"#)
    })
    .await;
    let client = server.client();
    let known = client.get_json::<Record>(&["users", "x"], &[], Some(r#"W/"7""#)).await;
    assert_eq!(known, Ok(Answer::NotModified));
    let other = client.get_json::<Record>(&["users", "x"], &[], Some(r#"W/"8""#)).await;
    assert!(matches!(other, Ok(Answer::Found { .. })));
}

#[tokio::test]
async fn a_condition_that_no_header_can_hold_is_not_an_outage() {
    let server = Server::start(|_, _| async { reply(200, &[], "{}") }).await;
    let refused = server.client().get_json::<Record>(&["users", "x"], &[], Some("a\nb")).await;
    assert_eq!(refused, Err(ProviderError::Invalid { status: 400 }));
}

#[tokio::test]
async fn an_id_is_sent_as_one_segment() {
    let server = Server::start(|_, _| async { reply(404, &[], "") }).await;
    server.client().get_json::<Record>(&["users", "a|b/../c?d"], &[("q", "x y")], None).await.unwrap();
    assert_eq!(*server.seen.lines.lock().unwrap(), ["/users/a%7Cb%2F..%2Fc%3Fd?q=x+y"]);
}

#[tokio::test]
async fn an_id_that_would_name_the_collection_is_never_sent() {
    let server = Server::start(|_, _| async { reply(200, &[], r#"{"id":"x"}"#) }).await;
    let refused = server.client().get_json::<Record>(&["users", ""], &[], None).await;
    assert_eq!(refused, Err(ProviderError::Invalid { status: 400 }));
    assert_eq!(server.seen.requests(), 0);
}

#[tokio::test]
async fn each_failure_says_what_to_do() {
    let cause = Outage::ServerError;
    let minute = Duration::from_secs(60);
    assert_eq!(outcome_of(400, &[], "").await, Err(ProviderError::Invalid { status: 400 }));
    assert_eq!(outcome_of(403, &[], "").await, Err(ProviderError::Unauthorized));
    assert_eq!(outcome_of(500, &[], "").await, Err(ProviderError::Unavailable { cause, retry_after: None }));
    let asked = outcome_of(503, &[("retry-after", "60")], "").await;
    assert_eq!(asked, Err(ProviderError::Unavailable { cause, retry_after: Some(minute) }));
    let limited = outcome_of(429, &[("retry-after", "60")], "").await;
    assert_eq!(limited, Err(ProviderError::RateLimited { retry_after: minute }));
}

#[tokio::test]
async fn a_success_that_is_not_the_promised_json_is_malformed() {
    for body in ["<html>Sign in</html>", "", "[]", r#"{"id":7}"#, r#"{"id":"x""#] {
        let outcome = outcome_of(200, &[], body).await;
        assert!(matches!(outcome, Err(ProviderError::Malformed { .. })), "{body}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused() {
    let endless = || Body::from(vec![b' '; 2 * 1024 * 1024]);
    let server = Server::start(move |_, _| async move { axum::response::Response::new(endless()) }).await;
    let outcome = server.client().get_json::<Record>(&["users", "x"], &[], None).await;
    let (limit_bytes, setting) = (1024 * 1024, "max_body_bytes");
    let error = outcome.unwrap_err();
    assert_eq!(error, ProviderError::TooLarge { limit_bytes, setting });
    assert_eq!(
        error.to_string(),
        "provider's reply is larger than 1048576 bytes, the limit of max_body_bytes"
    );
}

#[tokio::test]
async fn a_body_may_begin_with_a_byte_order_mark() {
    assert_eq!(
        outcome_of(200, &[], "\u{feff}{\"id\":\"x\"}").await,
        outcome_of(200, &[], r#"{"id":"x"}"#).await
    );
    let twice = outcome_of(200, &[], "\u{feff}\u{feff}{\"id\":\"x\"}").await;
    assert!(matches!(twice, Err(ProviderError::Malformed { .. })), "{twice:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_ends_as_a_timeout() {
    let server = Server::start(|_, _| std::future::pending()).await;
    let outcome = server.client().get_json::<Record>(&["users", "x"], &[], None).await;
    assert_eq!(outcome, Err(ProviderError::Unavailable { cause: Outage::Timeout, retry_after: None }));
}

#[tokio::test]
async fn a_refused_connection_is_an_outage() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", free.local_addr().unwrap()).parse().unwrap();
    drop(free);
    let client = ProviderHttp::new(ProviderHttpConfig::new("idp", url, Auth::Bearer(SECRET.into()))).unwrap();
    let outcome = client.get_json::<Record>(&["users", "x"], &[], None).await;
    assert_eq!(outcome, Err(ProviderError::Unavailable { cause: Outage::Connect, retry_after: None }));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::start(|number, _| async move {
        if number == 1 {
            reply(302, &[("location", "/elsewhere")], "")
        } else {
            reply(200, &[], r#"{"id":"x"}"#)
        }
    })
    .await;
    let outcome = server.client().get_json::<Record>(&["users", "x"], &[], None).await;
    assert_eq!(outcome, Err(ProviderError::REDIRECT));
    assert_eq!(server.seen.requests(), 1);
}

#[tokio::test]
async fn neither_errors_nor_debug_hold_secrets_queries_or_bodies() {
    let secrets = [SECRET, "token-1", "mara", "secret_query"];
    let server = Server::start(|_, _| async { reply(200, &[], r#"{"mara":"#) }).await;
    let client = server.client();
    let mut texts = vec![format!("{client:?} {:?}", server.config())];
    for status in [200, 302, 400, 401, 429, 500] {
        let error = outcome_of(status, &[], r#"{"mara":"#).await.unwrap_err();
        texts.push(format!("{error} {error:?}"));
    }
    let closed = ProviderHttpConfig { base_url: "http://127.0.0.1:9".parse().unwrap(), ..server.config() };
    let unreachable = ProviderHttp::new(closed).unwrap();
    let error = unreachable.get_json::<Record>(&["u"], &[("secret_query", "mara")], None).await.unwrap_err();
    texts.push(format!("{error} {error:?}"));
    for (text, secret) in texts.iter().flat_map(|text| secrets.map(|secret| (text, secret))) {
        assert!(!text.contains(secret), "{text:?} holds {secret:?}");
    }
}
