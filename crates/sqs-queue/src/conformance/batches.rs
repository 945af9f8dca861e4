//! One result for each entry, and one bad entry fails alone.

#![allow(clippy::unwrap_used, reason = "a panic is how a case fails")]

use std::collections::BTreeSet;
use std::time::Duration;

use super::{QueueUnderTest, Setup, message, receive_all, receive_one, send, wait_for_depth};
use crate::{BATCH_LIMIT, EntryError, OutgoingMessage, Queue, QueueError, Receipt};

/// Ten of each: sent, received, extended, deleted.
pub async fn a_full_batch_makes_the_round_trip(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    let bodies: Vec<String> = (0..BATCH_LIMIT).map(|number| format!("message {number}")).collect();
    send(&queue, &bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;

    let received = receive_all(&queue, BATCH_LIMIT).await;
    let distinct: BTreeSet<_> = received.iter().map(|message| message.body.clone()).collect();
    assert_eq!(distinct, bodies.into_iter().collect());
    let receipts: Vec<Receipt> = received.into_iter().map(|message| message.receipt).collect();
    let extended: Vec<_> =
        receipts.iter().cloned().map(|receipt| (receipt, Duration::from_secs(30))).collect();
    assert_eq!(queue.change_visibility(&extended).await.unwrap(), vec![Ok(()); BATCH_LIMIT]);
    assert_eq!(queue.delete(&receipts).await.unwrap(), vec![Ok(()); BATCH_LIMIT]);
    wait_for_depth(&queue, 0, 0).await;
}

/// Both say what SQS would have said.
pub async fn a_batch_over_the_limit_is_refused_without_a_call(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    let receipts = vec![Receipt("x".to_owned()); BATCH_LIMIT + 1];
    let changes: Vec<_> = receipts.iter().cloned().map(|receipt| (receipt, Duration::ZERO)).collect();
    let refusals = [
        queue.send(&vec![message("x"); BATCH_LIMIT + 1]).await.unwrap_err(),
        queue.delete(&receipts).await.unwrap_err(),
        queue.change_visibility(&changes).await.unwrap_err(),
    ];
    for refusal in refusals {
        assert!(
            matches!(&refusal, QueueError::Refused { code, .. } if code == "TooManyEntriesInBatchRequest")
        );
    }
    wait_for_depth(&queue, 0, 0).await;
}

/// SQS would refuse it as empty.
pub async fn a_batch_of_nothing_answers_nothing(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    assert_eq!(queue.send(&[]).await.unwrap(), []);
    assert_eq!(queue.delete(&[]).await.unwrap(), []);
    assert_eq!(queue.change_visibility(&[]).await.unwrap(), []);
}

/// In the middle of a batch, of deletes and of visibility changes.
pub async fn a_bad_receipt_fails_alone(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    send(&queue, &["one", "two"]).await;
    let good: Vec<Receipt> =
        receive_all(&queue, 2).await.into_iter().map(|message| message.receipt).collect();
    let batch = [good[0].clone(), Receipt("never issued".to_owned()), good[1].clone()];

    let expected = [Ok(()), Err(EntryError::ReceiptLost), Ok(())];
    let changes: Vec<_> = batch.iter().cloned().map(|receipt| (receipt, Duration::from_secs(30))).collect();
    assert_eq!(queue.change_visibility(&changes).await.unwrap(), expected);
    assert_eq!(queue.delete(&batch).await.unwrap(), expected);
    wait_for_depth(&queue, 0, 0).await;
}

/// SQS takes the characters of XML only, and nothing empty.
pub async fn a_bad_message_fails_alone(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    let batch = [message("\u{FFFE}"), message("good"), message("NUL \0"), message("")];
    let results = queue.send(&batch).await.unwrap();
    let refused: Vec<bool> =
        results.iter().map(|result| matches!(result, Err(EntryError::Refused { .. }))).collect();
    assert_eq!(refused, [true, false, true, true], "{results:?}");
    assert_eq!(results[1], Ok(()));
    assert_eq!(receive_one(&queue).await.body, "good");
}

/// Two bodies that fit alone and not together.
pub async fn a_payload_over_the_limit_is_refused(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    let large = OutgoingMessage { body: "x".repeat(600_000), ..OutgoingMessage::default() };
    let refusal = queue.send(&[large.clone(), large.clone()]).await.unwrap_err();
    assert!(
        matches!(&refusal, QueueError::Refused { code, .. } if code.ends_with("BatchRequestTooLong")),
        "{refusal}"
    );
    assert_eq!(queue.send(&[large]).await.unwrap(), [Ok(())]);
}
