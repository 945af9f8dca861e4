//! The stub for benchmarks passes the conformance suite of queues, in real time. Its EventBridge part records what it receives.

use std::time::Duration;

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use local_stack::aws_config;
use sqs_queue::conformance::{QueuePair, QueueUnderTest, Setup};
use sqs_queue::{SqsQueue, queue_conformance};
use testkit::{FastAws, PublishedEvent};

/// Queues of a stub of its own.
struct Fast;

impl QueueUnderTest for Fast {
    type Queue = SqsQueue;

    async fn fresh(&self, setup: Setup) -> QueuePair<SqsQueue> {
        let stub = FastAws::start().await;
        let config = aws_config(stub.endpoint());
        let (queue, dead_letters) =
            stub.create_queue("conformance", setup.visibility_timeout, setup.max_receive_count);
        QueuePair {
            queue: SqsQueue::connect(&config, queue),
            dead_letters: SqsQueue::connect(&config, dead_letters),
        }
    }
}

queue_conformance! { [#[tokio::test]] Fast }

#[tokio::test]
async fn the_stub_records_when_a_message_was_sent_and_deleted() {
    let stub = FastAws::start().await;
    let (url, _) = stub.create_queue("measured", Duration::from_secs(60), 5);
    let client = aws_sdk_sqs::Client::new(&aws_config(stub.endpoint()));
    stub.send("measured", ["one".to_owned(), "two".to_owned()]);
    assert_eq!(stub.depth("measured"), (2, 0));

    let received = client.receive_message().queue_url(&url).max_number_of_messages(10).send().await.unwrap();
    assert_eq!(stub.depth("measured"), (0, 2));
    for message in received.messages() {
        let receipt = message.receipt_handle().unwrap();
        client.delete_message().queue_url(&url).receipt_handle(receipt).send().await.unwrap();
    }
    assert_eq!((stub.depth("measured"), stub.deleted("measured")), ((0, 0), 2));
    let deletions = stub.deletions("measured", 1);
    assert!(deletions.len() == 1 && deletions[0].deleted_at >= deletions[0].sent_at);
    assert_eq!((stub.calls()["ReceiveMessage"], stub.calls()["DeleteMessage"]), (1, 2));
}

#[tokio::test]
async fn an_unknown_bus_is_reported_and_a_bad_entry_fails_alone() {
    let stub = FastAws::start().await;
    stub.create_bus("coppice");
    let client = aws_sdk_eventbridge::Client::new(&aws_config(stub.endpoint()));
    assert!(client.describe_event_bus().name("coppice").send().await.is_ok());
    let missing = client.describe_event_bus().name("nowhere").send().await.unwrap_err();
    assert!(missing.into_service_error().is_resource_not_found_exception());

    let entry = PutEventsRequestEntry::builder().source("coppice").detail_type("PersonChanged");
    let (good, bad) = (entry.clone().detail(r#"{"person_id":"1"}"#).build(), entry.detail("no JSON").build());
    let reply = client.put_events().entries(good).entries(bad).send().await.unwrap();
    assert_eq!(reply.failed_entry_count(), 1);
    assert_eq!(reply.entries()[1].error_code(), Some("MalformedDetail"));
    let published = PublishedEvent {
        source: "coppice".to_owned(),
        detail_type: "PersonChanged".to_owned(),
        detail: r#"{"person_id":"1"}"#.to_owned(),
    };
    assert_eq!(stub.events(0), [published]);
}
