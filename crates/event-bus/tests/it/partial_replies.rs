//! Replies that no emulator gives, from a server that has one reply for each call in turn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use event_bus::{BusEntry, BusError, EntryError, EventBridgeBus, EventBus};
use event_contract::IngressEvent;
use tokio::net::TcpListener;

use local_stack::aws_config;

type Reply = (StatusCode, String);

/// Serves until the test's runtime ends. The last reply is repeated.
async fn bus_answering(replies: impl IntoIterator<Item = Reply>) -> EventBridgeBus {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let replies = Arc::new(Mutex::new(replies.into_iter().collect::<VecDeque<_>>()));
    let reply = move || {
        let mut replies = replies.lock().unwrap();
        let next = if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() };
        std::future::ready(next.unwrap())
    };
    let app = Router::new().fallback(reply);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    EventBridgeBus::connect(&aws_config(&endpoint), "coppice")
}

fn accepted(count: usize) -> Reply {
    let entries = vec![r#"{"EventId":"e"}"#; count].join(",");
    (StatusCode::OK, format!(r#"{{"FailedEntryCount":0,"Entries":[{entries}]}}"#))
}

fn error(status: StatusCode, code: &str) -> Reply {
    (status, format!(r#"{{"__type":"{code}","message":"mara.quill@example.org"}}"#))
}

fn entries(count: usize) -> Vec<BusEntry> {
    vec![BusEntry::provider("test", "Something", &IngressEvent::changed(Vec::new())).unwrap(); count]
}

fn unavailable(code: &str) -> Result<(), EntryError> {
    Err(EntryError::Unavailable { code: code.to_owned() })
}

#[tokio::test]
async fn each_entry_s_own_result_is_read() {
    let body = r#"{"FailedEntryCount":2,"Entries":[{"EventId":"e"},{"ErrorCode":"ThrottlingException"},
        {"ErrorCode":"MalformedDetail","ErrorMessage":"mara.quill@example.org"}]}"#;
    let bus = bus_answering([(StatusCode::OK, body.to_owned())]).await;
    let results = bus.publish(&entries(4)).await.unwrap();
    let refused = Err(EntryError::Refused { code: "MalformedDetail".to_owned() });
    assert_eq!(
        results,
        [Ok(()), unavailable("ThrottlingException"), refused, unavailable("MissingFromReply")]
    );
    assert!(!format!("{results:?}").contains("mara"));
}

#[tokio::test]
async fn a_later_call_that_fails_keeps_the_results_of_the_earlier() {
    let bus = bus_answering([accepted(10), error(StatusCode::BAD_REQUEST, "ExpiredTokenException")]).await;
    let results = bus.publish(&entries(25)).await.unwrap();
    assert_eq!(results[..10], vec![Ok(()); 10]);
    assert_eq!(results[10..], vec![unavailable("ExpiredTokenException"); 15]);
}

#[tokio::test]
async fn a_first_call_that_fails_is_an_error() {
    let bus = bus_answering([error(StatusCode::BAD_REQUEST, "AccessDeniedException")]).await;
    let error = bus.publish(&entries(25)).await.unwrap_err();
    assert_eq!(error, BusError::Refused { operation: "PutEvents", code: "AccessDeniedException".to_owned() });
}

#[tokio::test]
async fn a_service_that_recovers_within_the_attempts_is_no_error() {
    let broken = error(StatusCode::INTERNAL_SERVER_ERROR, "InternalException");
    let bus = bus_answering([broken.clone(), broken, accepted(1)]).await;
    assert_eq!(bus.publish(&entries(1)).await.unwrap(), [Ok(())]);
}

#[tokio::test]
async fn verification_tells_missing_from_unavailable() {
    let missing = bus_answering([error(StatusCode::BAD_REQUEST, "ResourceNotFoundException")]).await;
    assert_eq!(missing.verify().await, Err(BusError::Missing { bus: "coppice".to_owned() }));
    let throttled = bus_answering([error(StatusCode::BAD_REQUEST, "ThrottlingException")]).await;
    assert!(matches!(throttled.verify().await, Err(BusError::Unavailable { .. })));
    let denied = bus_answering([error(StatusCode::BAD_REQUEST, "AccessDeniedException")]).await;
    assert!(matches!(denied.verify().await, Err(BusError::Refused { .. })));
}
