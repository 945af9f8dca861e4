//! A sent message is received, and is gone once it is deleted.

#![allow(clippy::unwrap_used, reason = "a panic is how a case fails")]

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use super::{
    PATIENCE, QueueUnderTest, SHORT, Setup, message, receive_all, receive_one, send, wait_for_depth,
};
use crate::{EntryError, OutgoingMessage, Queue};

/// Body, attributes, first count and sending time; then deletion.
pub async fn a_message_arrives_as_it_was_sent(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    let attributes = [("reason".to_owned(), "contract".to_owned()), ("attempt".to_owned(), "5".to_owned())];
    let sent = OutgoingMessage { body: r#"{"a":1}"#.to_owned(), attributes: attributes.into() };
    assert_eq!(queue.send(std::slice::from_ref(&sent)).await.unwrap(), [Ok(())]);

    let received = receive_one(&queue).await;
    assert_eq!((&received.body, &received.attributes), (&sent.body, &sent.attributes));
    assert_eq!(received.receive_count, 1);
    assert!((OffsetDateTime::now_utc() - received.sent_at).abs() < time::Duration::MINUTE);
    assert_eq!(queue.delete(&[received.receipt]).await.unwrap(), [Ok(())]);
    wait_for_depth(&queue, 0, 0).await;
}

/// All of what XML allows, and what XML and JSON escape.
pub async fn unicode_survives(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    let body = "tab\t line\n <tag a=\"b\"> & 'quote' \\ é 漢字 \u{1F333} \u{E000}\u{FFFD}\u{10FFFF}";
    send(&queue, &[body]).await;
    assert_eq!(receive_one(&queue).await.body, body);
}

/// A long poll lasts as long as it was asked to.
pub async fn an_empty_queue_answers_empty_after_the_wait(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    let started = Instant::now();
    assert!(queue.receive(10, SHORT).await.unwrap().is_empty());
    assert!(started.elapsed() >= SHORT - Duration::from_millis(50));
    assert!(queue.receive(10, Duration::ZERO).await.unwrap().is_empty());
}

/// `max` is a bound, and not a wish.
pub async fn a_receive_brings_no_more_than_asked_for(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    send(&queue, &["one", "two", "three"]).await;
    assert_eq!(queue.receive(2, SHORT).await.unwrap().len(), 2);
    assert_eq!(queue.receive(2, SHORT).await.unwrap().len(), 1);
}

/// A receive that waits already gets the message.
pub async fn a_long_poll_wakes_on_a_send(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    let started = Instant::now();
    // `join!` polls the receive first, so the queue is empty when the long poll begins.
    let (received, _) = tokio::join!(queue.receive(10, PATIENCE), async {
        wait_for_depth(&queue, 0, 0).await;
        queue.send(&[message("late")]).await.unwrap()
    });
    assert_eq!(received.unwrap().len(), 1);
    assert!(started.elapsed() < PATIENCE / 2);
}

/// Each message is counted once, and never as both.
pub async fn depth_counts_visible_and_in_flight(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    wait_for_depth(&queue, 0, 0).await;
    send(&queue, &["one", "two", "three"]).await;
    wait_for_depth(&queue, 3, 0).await;
    assert_eq!(queue.receive(1, SHORT).await.unwrap().len(), 1);
    wait_for_depth(&queue, 2, 1).await;
    receive_all(&queue, 2).await;
    wait_for_depth(&queue, 0, 3).await;
}

/// A delete whose reply was lost can be repeated.
pub async fn deleting_twice_succeeds(subject: &impl QueueUnderTest) {
    let queue = subject.fresh(Setup::default()).await.queue;
    send(&queue, &["once"]).await;
    let receipts = [receive_one(&queue).await.receipt];
    assert_eq!(queue.delete(&receipts).await.unwrap(), [Ok(())]);
    let refuses = subject.departures().refuses_old_receipts_on_delete;
    let expected = if refuses { Err(EntryError::ReceiptLost) } else { Ok(()) };
    assert_eq!(queue.delete(&receipts).await.unwrap(), [expected]);
}
