//! For how long a message is invisible, and which receipt is valid.

#![allow(clippy::unwrap_used, reason = "a panic is how a case fails")]

use std::time::Duration;

use tokio::time::Instant;

use super::{
    PATIENCE, QueueUnderTest, SHORT, Setup, UNTIL_THE_END, change_visibility, receive_one, send,
    wait_for_depth,
};
use crate::{EntryError, Queue, ReceivedMessage};

const BRIEF: Setup = Setup { visibility_timeout: SHORT, max_receive_count: 100 };

/// A release is a visibility of zero.
pub async fn zero_releases_a_message_at_once(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    send(&queue, &["back"]).await;
    let first = receive_one(&queue).await;
    assert!(queue.receive(10, Duration::ZERO).await.unwrap().is_empty(), "it is in flight");
    change_visibility(&queue, &first.receipt, Duration::ZERO).await;
    let second = receive_one(&queue).await;
    assert_eq!((&second.message_id, second.receive_count), (&first.message_id, 2));
    assert_ne!(second.receipt, first.receipt);
}

/// Also beyond the third, from which on a message goes to the back of the queue.
pub async fn the_receive_count_rises_with_every_receive(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    send(&queue, &["again"]).await;
    for count in 1..=5 {
        let received = receive_one(&queue).await;
        assert_eq!(received.receive_count, count);
        change_visibility(&queue, &received.receipt, Duration::ZERO).await;
    }
}

/// A visibility extension hides a message for longer than the queue's own timeout.
pub async fn longer_visibility_hides_a_message(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(BRIEF).await.queue;
    send(&queue, &["held"]).await;
    change_visibility(&queue, &receive_one(&queue).await.receipt, UNTIL_THE_END).await;
    assert!(queue.receive(10, SHORT * 2).await.unwrap().is_empty());
    wait_for_depth(&queue, 0, 1).await;
}

/// A consumer that died gives its messages to the next, which waits already.
pub async fn a_message_returns_after_the_timeout_with_another_receipt(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(BRIEF).await.queue;
    let started = Instant::now();
    let (first, second) = received_twice(&queue).await;
    assert!(started.elapsed() >= SHORT - Duration::from_millis(50));
    assert_eq!((&second.message_id, second.receive_count), (&first.message_id, 2));
    assert_eq!((&second.body, second.sent_at), (&first.body, first.sent_at));
    assert_ne!(second.receipt, first.receipt);
}

/// A late consumer learns it from the receipt, and cannot change the new consumer's visibility.
pub async fn an_earlier_receipt_cannot_change_visibility(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(BRIEF).await.queue;
    let (first, second) = received_twice(&queue).await;
    change_visibility(&queue, &second.receipt, UNTIL_THE_END).await;
    let late = queue.change_visibility(&[(first.receipt, Duration::ZERO)]).await.unwrap();
    assert_eq!(late, [Err(EntryError::ReceiptLost)]);
    wait_for_depth(&queue, 0, 1).await;
}

/// Accepted or not, it does not delete the message that another consumer has received.
pub async fn an_earlier_receipt_does_not_delete(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(BRIEF).await.queue;
    let (first, second) = received_twice(&queue).await;
    change_visibility(&queue, &second.receipt, UNTIL_THE_END).await;
    let refuses = subject.departures().refuses_old_receipts_on_delete;
    let expected = if refuses { Err(EntryError::ReceiptLost) } else { Ok(()) };
    assert_eq!(queue.delete(&[first.receipt]).await.unwrap(), [expected]);
    wait_for_depth(&queue, 0, 1).await;
    assert_eq!(queue.delete(&[second.receipt]).await.unwrap(), [Ok(())]);
    wait_for_depth(&queue, 0, 0).await;
}

/// A late visibility extension succeeds and does nothing: the next consumer receives the message.
pub async fn an_expired_receipt_does_not_hide_the_message_again(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(BRIEF).await.queue;
    send(&queue, &["late"]).await;
    let receipt = receive_one(&queue).await.receipt;
    wait_for_depth(&queue, 1, 0).await;
    change_visibility(&queue, &receipt, UNTIL_THE_END).await;
    let hidden = subject.departures().extends_expired_receipts;
    wait_for_depth(&queue, u64::from(!hidden), u64::from(hidden)).await;
}

async fn received_twice(queue: &impl Queue) -> (ReceivedMessage, ReceivedMessage) {
    send(queue, &["slow"]).await;
    let first = receive_one(queue).await;
    let second = queue.receive(10, PATIENCE).await.unwrap().pop().unwrap();
    (first, second)
}
