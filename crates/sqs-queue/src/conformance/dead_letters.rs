//! A message that is received too often moves to the dead-letter queue.

#![allow(clippy::unwrap_used, reason = "a panic is how a case fails")]

use std::time::Duration;

use super::{QueuePair, QueueUnderTest, SHORT, Setup, change_visibility, receive_one, send, wait_for_depth};
use crate::{Queue, ReceivedMessage};

const TWO_RECEIVES: Setup = Setup { visibility_timeout: Duration::from_secs(60), max_receive_count: 2 };

/// Not when the last allowed receive fails, but when the next one meets the message; with the first sending time.
pub async fn too_many_receives_dead_letter_on_the_next_receive(subject: &impl QueueUnderTest) {
    let QueuePair { queue, dead_letters } = subject.fresh(TWO_RECEIVES).await;
    let last = receive_twice(&queue).await;
    wait_for_depth(&queue, 1, 0).await;
    wait_for_depth(&dead_letters, 0, 0).await;

    assert!(queue.receive(10, SHORT).await.unwrap().is_empty());
    wait_for_depth(&queue, 0, 0).await;
    let dead = receive_one(&dead_letters).await;
    assert_eq!((&dead.message_id, &dead.body, dead.sent_at), (&last.message_id, &last.body, last.sent_at));
    assert_eq!(dead.receive_count, 3, "the count goes on");
}

/// It has another receipt there, which the source queue does not know.
pub async fn a_dead_letter_can_be_handled_in_its_own_queue(subject: &impl QueueUnderTest) {
    let QueuePair { queue, dead_letters } = subject.fresh(TWO_RECEIVES).await;
    receive_twice(&queue).await;
    assert!(queue.receive(10, SHORT).await.unwrap().is_empty());

    let dead = receive_one(&dead_letters).await;
    change_visibility(&dead_letters, &dead.receipt, Duration::ZERO).await;
    let dead = receive_one(&dead_letters).await;
    assert_eq!(dead_letters.delete(&[dead.receipt]).await.unwrap(), [Ok(())]);
    wait_for_depth(&dead_letters, 0, 0).await;
}

async fn receive_twice(queue: &impl Queue) -> ReceivedMessage {
    send(queue, &["poison"]).await;
    for _ in 0..2 {
        let message = receive_one(queue).await;
        change_visibility(queue, &message.receipt, Duration::ZERO).await;
        if message.receive_count == 2 {
            return message;
        }
    }
    panic!("the second receive did not count as the second");
}
