//! Replies that no emulator gives: partial failures, throttling, and what is missing.

use std::time::Duration;

use sqs_queue::{EntryError, OutgoingMessage, Queue, QueueError, Receipt, SqsQueue};

use crate::stub::Stub;

/// Entry 0 succeeded, 1 is the sender's fault, 2 the service's, 3 has lost its receipt, 4 is not mentioned.
const PARTIAL: &str = r#"{
    "Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "9dd4e461268c8034f5c8564e155c67a6"}],
    "Failed": [
        {"Id": "3", "Code": "ReceiptHandleIsInvalid", "SenderFault": true, "Message": "AQEBsecret"},
        {"Id": "1", "Code": "InvalidMessageContents", "SenderFault": true},
        {"Id": "2", "Code": "InternalError", "SenderFault": false}
    ]}"#;

fn assert_partial(results: &[Result<(), EntryError>]) {
    let refused = EntryError::Refused { code: "InvalidMessageContents".to_owned() };
    let internal = EntryError::Unavailable { code: "InternalError".to_owned() };
    let missing = EntryError::Unavailable { code: "MissingFromReply".to_owned() };
    let expected = [Ok(()), Err(refused), Err(internal), Err(EntryError::ReceiptLost), Err(missing)];
    assert_eq!(results, expected);
}

fn receipts() -> Vec<Receipt> {
    (0..5).map(|number| Receipt(number.to_string())).collect()
}

#[tokio::test]
async fn a_delete_reads_each_entry_s_own_result() {
    let stub = Stub::replying(PARTIAL).await;
    assert_partial(&stub.queue().delete(&receipts()).await.unwrap());
}

#[tokio::test]
async fn a_visibility_change_reads_each_entry_s_own_result() {
    let stub = Stub::replying(PARTIAL).await;
    let changes: Vec<_> = receipts().into_iter().map(|receipt| (receipt, Duration::from_secs(1))).collect();
    assert_partial(&stub.queue().change_visibility(&changes).await.unwrap());
}

#[tokio::test]
async fn a_send_reads_each_entry_s_own_result() {
    let stub = Stub::replying(PARTIAL).await;
    let messages = vec![OutgoingMessage { body: "x".to_owned(), ..OutgoingMessage::default() }; 5];
    assert_partial(&stub.queue().send(&messages).await.unwrap());
}

#[tokio::test]
async fn a_reply_without_lists_has_failed_every_entry() {
    let stub = Stub::replying(r#"{"Successful": [], "Failed": []}"#).await;
    let results = stub.queue().delete(&receipts()).await.unwrap();
    assert_eq!(results.len(), 5);
    assert!(results.iter().all(Result::is_err));
}

#[tokio::test]
async fn nothing_to_do_makes_no_call() {
    let stub = Stub::replying("{}").await;
    assert_eq!(stub.queue().delete(&[]).await.unwrap(), []);
    assert_eq!(stub.calls(), 0);
}

async fn receive_error(queue: &SqsQueue) -> QueueError {
    queue.receive(1, Duration::ZERO).await.unwrap_err()
}

#[tokio::test]
async fn throttling_as_403_is_worth_trying_again() {
    let stub =
        Stub::failing(403, "RequestThrottled", Some("AWS.SimpleQueueService.RequestThrottled;Sender")).await;
    let error = receive_error(&stub.queue()).await;
    assert!(matches!(error, QueueError::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn a_broken_service_is_tried_twice_for_a_receive() {
    let stub = Stub::failing(500, "InternalFailure", None).await;
    let error = receive_error(&stub.queue()).await;
    assert!(matches!(error, QueueError::Unavailable { .. }), "{error}");
    assert_eq!(stub.calls(), 2);
}

#[tokio::test]
async fn missing_rights_are_not_tried_again() {
    let stub = Stub::failing(403, "AccessDeniedException", None).await;
    let error = receive_error(&stub.queue()).await;
    assert_eq!(
        error,
        QueueError::Refused { operation: "ReceiveMessage", code: "AccessDeniedException".to_owned() }
    );
    assert_eq!(stub.calls(), 1);
}

#[tokio::test]
async fn a_missing_queue_is_refused_by_its_code_alone() {
    let stub =
        Stub::failing(400, "QueueDoesNotExist", Some("AWS.SimpleQueueService.NonExistentQueue;Sender")).await;
    let error = receive_error(&stub.queue()).await;
    assert!(matches!(error, QueueError::Refused { .. }), "{error}");
    assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn an_unreachable_service_is_unavailable_and_not_a_refusal() {
    let stub = Stub::replying("{}").await;
    let queue = stub.queue();
    drop(stub);
    let error = receive_error(&queue).await;
    assert!(matches!(error, QueueError::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn a_message_without_a_receipt_is_an_error() {
    let stub = Stub::replying(
        r#"{"Messages": [{"MessageId": "m", "Body": "private", "MD5OfBody": "2c7f1ccd1a83fe1f4ab2a8ea5ad3e3b2"}]}"#,
    )
    .await;
    let error = receive_error(&stub.queue()).await;
    assert!(matches!(error, QueueError::Unavailable { .. }), "{error}");
    assert!(!format!("{error:?}").contains("private"));
}
