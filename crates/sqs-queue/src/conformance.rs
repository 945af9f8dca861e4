//! What every [`Queue`] must do, as one suite for the model and the real client.
//!
//! In: a [`QueueUnderTest`] that makes queues. Out: a panic in the case that does not hold. SQS's documentation decides; where
//! a subject is known to differ, its [`Departures`] say so. [`queue_conformance!`] makes one test of each case.
//!
//! [`queue_conformance!`]: crate::queue_conformance

#![allow(clippy::unwrap_used, reason = "a panic is how a case fails")]

pub mod batches;
pub mod dead_letters;
pub mod delivery;
pub mod visibility;

use std::future::Future;
use std::time::Duration;

use crate::{BATCH_LIMIT, Depth, OutgoingMessage, Queue, Receipt, ReceivedMessage};

const PATIENCE: Duration = Duration::from_secs(10);

/// Long enough that nothing becomes visible again while a case runs.
const UNTIL_THE_END: Duration = Duration::from_secs(60);

/// The shortest timeout that SQS has.
const SHORT: Duration = Duration::from_secs(1);

/// Makes queues for the suite.
pub trait QueueUnderTest {
    /// What is tested.
    type Queue: Queue;

    /// An empty queue with an empty dead-letter queue, for one case alone.
    fn fresh(&self, setup: Setup) -> impl Future<Output = QueuePair<Self::Queue>>;

    /// Where this subject is known to differ from SQS.
    fn departures(&self) -> Departures {
        Departures::default()
    }
}

/// What a case needs of its queue.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// How long a received message stays invisible: whole seconds, at least one.
    pub visibility_timeout: Duration,
    /// After how many receives a message is dead-lettered.
    pub max_receive_count: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self { visibility_timeout: UNTIL_THE_END, max_receive_count: 100 }
    }
}

/// A queue with its dead-letter queue.
#[derive(Debug, Clone)]
pub struct QueuePair<Q> {
    /// The queue.
    pub queue: Q,
    /// Its dead-letter queue.
    pub dead_letters: Q,
}

/// Known differences from SQS, none by default. Emulators have some.
#[derive(Debug, Clone, Copy, Default)]
pub struct Departures {
    /// Refuses to delete by a receipt whose message is deleted already, or was received again. SQS accepts both.
    pub refuses_old_receipts_on_delete: bool,
    /// Hides a message again by a receipt whose timeout has passed. SQS accepts and does nothing.
    pub extends_expired_receipts: bool,
}

/// Makes a test of each case: `queue_conformance! { [#[tokio::test]] MySubject::new() }`, with a subject for each.
#[macro_export]
macro_rules! queue_conformance {
    ([$($attribute:tt)*] $subject:expr) => {
        $crate::queue_conformance! { @tests [$($attribute)*] [$subject]
            batches::a_full_batch_makes_the_round_trip,
            batches::a_batch_over_the_limit_is_refused_without_a_call,
            batches::a_batch_of_nothing_answers_nothing,
            batches::a_bad_receipt_fails_alone,
            batches::a_bad_message_fails_alone,
            batches::a_payload_over_the_limit_is_refused,
            dead_letters::too_many_receives_dead_letter_on_the_next_receive,
            dead_letters::a_dead_letter_can_be_handled_in_its_own_queue,
            delivery::a_message_arrives_as_it_was_sent,
            delivery::unicode_survives,
            delivery::an_empty_queue_answers_empty_after_the_wait,
            delivery::a_receive_brings_no_more_than_asked_for,
            delivery::a_long_poll_wakes_on_a_send,
            delivery::depth_counts_visible_and_in_flight,
            delivery::deleting_twice_succeeds,
            visibility::zero_releases_a_message_at_once,
            visibility::the_receive_count_rises_with_every_receive,
            visibility::longer_visibility_hides_a_message,
            visibility::a_message_returns_after_the_timeout_with_another_receipt,
            visibility::an_earlier_receipt_cannot_change_visibility,
            visibility::an_earlier_receipt_does_not_delete,
            visibility::an_expired_receipt_does_not_hide_the_message_again,
        }
    };
    (@tests $attributes:tt $subject:tt $($module:ident::$case:ident,)*) => {
        $($crate::queue_conformance! { @test $attributes $subject $module $case })*
    };
    (@test [$($attribute:tt)*] [$subject:expr] $module:ident $case:ident) => {
        $($attribute)*
        async fn $case() {
            $crate::conformance::$module::$case(&$subject).await;
        }
    };
}

fn message(body: &str) -> OutgoingMessage {
    OutgoingMessage { body: body.to_owned(), ..OutgoingMessage::default() }
}

async fn send(queue: &impl Queue, bodies: &[&str]) {
    let messages: Vec<_> = bodies.iter().map(|body| message(body)).collect();
    let results = queue.send(&messages).await.unwrap();
    assert_eq!(results, vec![Ok(()); bodies.len()]);
}

async fn receive_one(queue: &impl Queue) -> ReceivedMessage {
    receive_all(queue, 1).await.pop().unwrap()
}

async fn receive_all(queue: &impl Queue, count: usize) -> Vec<ReceivedMessage> {
    let mut received = Vec::new();
    // One receive may bring fewer messages than there are.
    let limit = tokio::time::Instant::now() + PATIENCE;
    while received.len() < count {
        assert!(tokio::time::Instant::now() < limit, "{} of {count} messages came", received.len());
        received.extend(queue.receive(BATCH_LIMIT, SHORT).await.unwrap());
    }
    assert_eq!(received.len(), count);
    received
}

async fn change_visibility(queue: &impl Queue, receipt: &Receipt, after: Duration) {
    assert_eq!(queue.change_visibility(&[(receipt.clone(), after)]).await.unwrap(), [Ok(())]);
}

async fn wait_for_depth(queue: &impl Queue, visible: u64, in_flight: u64) {
    let expected = Depth { visible, in_flight, delayed: 0 };
    // SQS's counters lag. A case waits only on conditions, so it runs on paused time and against a server alike.
    let limit = tokio::time::Instant::now() + PATIENCE;
    loop {
        let depth = queue.depth().await.unwrap();
        if depth == expected {
            return;
        }
        assert!(tokio::time::Instant::now() < limit, "waited for {expected:?}, it is {depth:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
