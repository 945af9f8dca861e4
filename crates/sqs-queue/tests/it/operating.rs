//! What operators' tools ask: replies in the form of the documentation, since the emulator has no move tasks.

use local_stack::aws_config;
use sqs_queue::{MoveProgress, QueueError, QueueFacts, list_queues};

use crate::stub::Stub;

/// Both of a queue's facts, and a move task: each call finds what it reads.
const REPLY: &str = r#"{
    "Attributes": {"QueueArn": "arn:aws:sqs:eu-north-1:1:coppice-sso-sync-dlq", "MessageRetentionPeriod": "1209600"},
    "TaskHandle": "h",
    "Results": [{"TaskHandle": "h", "Status": "RUNNING", "SourceArn": "arn:aws:sqs:eu-north-1:1:coppice-sso-sync-dlq",
        "ApproximateNumberOfMessagesMoved": 7, "ApproximateNumberOfMessagesToMove": 30, "StartedTimestamp": 1}],
    "QueueUrls": ["https://sqs.eu-north-1.amazonaws.com/1/coppice-sso-sync", "https://sqs.eu-north-1.amazonaws.com/1/coppice-sso-sync-dlq"]
}"#;

#[tokio::test]
async fn a_move_task_is_started_and_its_progress_read() {
    let stub = Stub::replying(REPLY).await;
    let queue = stub.queue();
    queue.start_move(&queue, Some(50)).await.unwrap();
    let progress = queue.newest_move().await.unwrap();
    let expected =
        MoveProgress { status: String::from("RUNNING"), moved: 7, to_move: Some(30), failure: None };
    assert_eq!(progress, Some(expected));
    assert_eq!(stub.calls(), 5, "the queue's ARN is read each time: a URL does not contain it");
}

#[tokio::test]
async fn a_task_that_is_refused_says_which_call_and_why() {
    let stub = Stub::failing(
        400,
        "UnsupportedOperation",
        Some("AWS.SimpleQueueService.UnsupportedOperation;Sender"),
    )
    .await;
    let refused = stub.queue().start_move(&stub.queue(), None).await.unwrap_err();
    assert!(matches!(&refused, QueueError::Refused { .. }), "{refused}");
}

#[tokio::test]
async fn queues_are_named_by_the_last_part_of_their_url() {
    let stub = Stub::replying(REPLY).await;
    let queues = list_queues(&aws_config(stub.endpoint()), "coppice-").await.unwrap();
    let names: Vec<&str> = queues.iter().map(|queue| queue.name.as_str()).collect();
    assert_eq!(names, ["coppice-sso-sync", "coppice-sso-sync-dlq"]);
}

#[tokio::test]
async fn a_queue_s_arn_and_retention_are_read() {
    let facts = Stub::replying(REPLY).await.queue().facts().await.unwrap();
    let arn = String::from("arn:aws:sqs:eu-north-1:1:coppice-sso-sync-dlq");
    assert_eq!(facts, QueueFacts { arn, retention_secs: 1_209_600 });
    assert!(Stub::replying("{}").await.queue().facts().await.is_err(), "a reply without them is no reply");
}
