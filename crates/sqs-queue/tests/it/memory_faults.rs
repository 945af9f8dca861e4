//! What the model does on command, and what only paused time can show.

use std::time::Duration;

use sqs_queue::{
    CallFailure, EntryError, MemoryQueue, MemoryQueueConfig, Operation, OutgoingMessage, Queue, QueueError,
    Receipt, ReceivedMessage, VISIBILITY_LIMIT,
};
use tokio::time::{Instant, advance};

const WAIT: Duration = Duration::from_secs(20);

async fn queue_with(bodies: &[&str]) -> MemoryQueue {
    let queue = MemoryQueue::default();
    for body in bodies {
        queue.send(&[message(body)]).await.unwrap();
    }
    queue
}

fn message(body: &str) -> OutgoingMessage {
    OutgoingMessage { body: body.to_owned(), ..OutgoingMessage::default() }
}

async fn receive(queue: &MemoryQueue) -> Vec<ReceivedMessage> {
    queue.receive(10, Duration::ZERO).await.unwrap()
}

async fn give_back(queue: &MemoryQueue, receipt: &Receipt) {
    queue.change_visibility(&[(receipt.clone(), Duration::ZERO)]).await.unwrap();
}

fn bodies(messages: &[ReceivedMessage]) -> Vec<&str> {
    messages.iter().map(|message| message.body.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_hides_and_counts_the_message() {
    let queue = queue_with(&["lost"]).await;
    queue.lose_next_receive_reply();
    assert!(matches!(queue.receive(1, WAIT).await, Err(QueueError::Unavailable { .. })));
    assert_eq!((queue.visible(), queue.in_flight()), (0, 1));
    let again = queue.receive(1, WAIT * 2).await.unwrap();
    assert!(again.is_empty(), "no wait is longer than 20 seconds");
    assert_eq!(queue.receive(1, WAIT).await.unwrap()[0].receive_count, 2);
}

#[tokio::test(start_paused = true)]
async fn an_empty_receive_does_not_use_up_a_lost_reply() {
    let queue = MemoryQueue::default();
    queue.lose_next_receive_reply();
    assert!(receive(&queue).await.is_empty());
    queue.send(&[message("lost")]).await.unwrap();
    assert!(queue.receive(1, WAIT).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_delete_whose_reply_is_lost_has_deleted() {
    let queue = queue_with(&["gone"]).await;
    let receipt = receive(&queue).await.remove(0).receipt;
    queue.lose_next_reply(Operation::Delete);
    assert!(queue.delete(&[receipt]).await.is_err());
    assert!(queue.messages().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_comes_with_the_next_receive_even_after_a_delete() {
    let queue = queue_with(&["twice", "once"]).await;
    queue.duplicate_next();
    let first = receive(&queue).await;
    assert_eq!(bodies(&first), ["twice", "once"]);
    queue.delete(&[first[0].receipt.clone()]).await.unwrap();
    let second = receive(&queue).await;
    assert_eq!(bodies(&second), ["twice"]);
    assert_eq!((&second[0].message_id, second[0].receive_count), (&first[0].message_id, 2));
    assert!(receive(&queue).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_same_message_comes_twice_in_one_batch() {
    let queue = queue_with(&["twice", "once"]).await;
    queue.duplicate_next_in_batch();
    let batch = receive(&queue).await;
    assert_eq!(bodies(&batch), ["twice", "twice", "once"]);
    assert_eq!(batch[0].message_id, batch[1].message_id);
    assert_ne!(batch[0].receipt, batch[1].receipt);
    let receipts: Vec<_> = batch.into_iter().map(|message| message.receipt).collect();
    queue.delete(&receipts).await.unwrap();
    assert!(queue.messages().is_empty());
}

#[tokio::test(start_paused = true)]
async fn from_the_third_receive_on_a_message_returns_to_the_back() {
    let queue = queue_with(&["old", "new"]).await;
    for receives in 1..=3 {
        let first = queue.receive(1, Duration::ZERO).await.unwrap().remove(0);
        assert_eq!((first.body.as_str(), first.receive_count), ("old", receives));
        give_back(&queue, &first.receipt).await;
    }
    assert_eq!(bodies(&receive(&queue).await), ["new", "old"]);
}

#[tokio::test(start_paused = true)]
async fn no_receipt_holds_a_message_for_more_than_twelve_hours() {
    let queue = queue_with(&["held"]).await;
    let receipt = receive(&queue).await.remove(0).receipt;
    let extend = |by: Duration| {
        let entry = (receipt.clone(), by);
        let queue = queue.clone();
        async move { queue.change_visibility(&[entry]).await.unwrap().remove(0) }
    };
    assert_eq!(extend(Duration::from_secs(1_000_000)).await, Ok(()), "cut at the limit");
    advance(Duration::from_secs(10)).await;
    assert!(matches!(extend(VISIBILITY_LIMIT).await, Err(EntryError::Refused { .. })));
    assert_eq!(extend(VISIBILITY_LIMIT - Duration::from_secs(10)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn the_cap_of_messages_in_flight_shows_as_empty_answers() {
    let queue = queue_with(&["one", "two"]).await;
    queue.limit_in_flight(1);
    let received = receive(&queue).await;
    assert_eq!(received.len(), 1);
    let started = Instant::now();
    assert!(queue.receive(10, Duration::from_secs(5)).await.unwrap().is_empty());
    assert_eq!(started.elapsed(), Duration::from_secs(5));
    let short_poll = queue.receive(10, Duration::ZERO).await.unwrap_err();
    assert!(matches!(short_poll, QueueError::Unavailable { code, .. } if code == "OverLimit"));
    queue.delete(&[received[0].receipt.clone()]).await.unwrap();
    assert_eq!(bodies(&receive(&queue).await), ["two"]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_does_not_prove_an_empty_queue() {
    let queue = queue_with(&["there"]).await;
    queue.answer_empty_next(2);
    assert!(queue.receive(10, WAIT).await.unwrap().is_empty());
    assert!(queue.receive(10, WAIT).await.unwrap().is_empty());
    assert_eq!(queue.receive(10, WAIT).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn commanded_entries_fail_and_do_nothing() {
    let queue = queue_with(&["one", "two"]).await;
    let receipts: Vec<_> = receive(&queue).await.into_iter().map(|message| message.receipt).collect();
    let failure = EntryError::Unavailable { code: "InternalError".to_owned() };
    queue.fail_next_entries(Operation::Delete, [1], &failure);
    assert_eq!(queue.delete(&receipts).await.unwrap(), [Ok(()), Err(failure)]);
    assert_eq!(queue.messages().len(), 1);
    assert_eq!(queue.delete(&receipts).await.unwrap(), [Ok(()), Ok(())], "only the next call fails");
}

#[tokio::test(start_paused = true)]
async fn commanded_calls_fail_do_nothing_and_are_counted() {
    let queue = queue_with(&["one"]).await;
    queue.fail_next_calls(Operation::Receive, 1, CallFailure::Throttled);
    queue.fail_next_calls(Operation::Receive, 1, CallFailure::QueueMissing);
    assert!(matches!(queue.receive(1, WAIT).await, Err(QueueError::Unavailable { .. })));
    assert!(matches!(queue.receive(1, WAIT).await, Err(QueueError::Refused { .. })));
    assert_eq!(queue.messages()[0].receive_count, 0);
    assert_eq!(receive(&queue).await.len(), 1);
    assert_eq!((queue.calls(Operation::Receive), queue.calls(Operation::Send)), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_move_task_makes_a_message_new() {
    let queue = queue_with(&["dead"]).await;
    let dead = receive(&queue).await.remove(0);
    give_back(&queue, &dead.receipt).await;
    advance(Duration::from_secs(3600)).await;
    let target = MemoryQueue::default();
    let (moved, ()) = tokio::join!(target.receive(1, WAIT), async { queue.move_all_to(&target) });
    let moved = moved.unwrap().remove(0);
    assert_eq!((moved.body.as_str(), moved.receive_count), ("dead", 1));
    assert_ne!(moved.message_id, dead.message_id);
    assert_eq!(moved.sent_at - dead.sent_at, time::Duration::HOUR);
    assert!(queue.messages().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dead_lettered_message_wakes_a_receive_that_waits() {
    let dead_letters = MemoryQueue::default();
    let redrive = Some((dead_letters.clone(), 1));
    let queue = MemoryQueue::new(MemoryQueueConfig { redrive, ..MemoryQueueConfig::default() });
    queue.send(&[message("poison")]).await.unwrap();
    let (dead, ()) = tokio::join!(dead_letters.receive(1, WAIT), async {
        let receipt = receive(&queue).await.remove(0).receipt;
        give_back(&queue, &receipt).await;
        assert!(receive(&queue).await.is_empty());
    });
    assert_eq!(bodies(&dead.unwrap()), ["poison"]);
}

#[tokio::test(start_paused = true)]
async fn each_of_many_waiting_consumers_gets_a_message_once() {
    let queue = MemoryQueue::default();
    let waiting = (0..5).map(|_| {
        tokio::spawn({
            let queue = queue.clone();
            async move { queue.receive(2, WAIT).await }
        })
    });
    let waiting: Vec<_> = waiting.collect();
    tokio::task::yield_now().await;
    let sent: Vec<_> = (0..10).map(|number| message(&number.to_string())).collect();
    queue.send(&sent).await.unwrap();
    let mut received = Vec::new();
    for consumer in waiting {
        received.extend(consumer.await.unwrap().unwrap());
    }
    let mut bodies: Vec<u32> = received.iter().map(|message| message.body.parse().unwrap()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, (0..10).collect::<Vec<_>>());
}
