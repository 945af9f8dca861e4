//! A queue that fails, repeats itself and loses replies.

use sqs_queue::{CallFailure, EntryError, Operation};

use crate::script::{Step, transient};
use crate::world::{VISIBILITY, World, secs, until};

fn unavailable() -> EntryError {
    EntryError::Unavailable { code: String::from("InternalError") }
}

#[tokio::test(start_paused = true)]
async fn entries_of_deletes_that_fail_are_deleted_again() {
    let world = World::new();
    world.send(&["ada", "bob", "cyd"]).await;
    world.queue.fail_next_entries(Operation::Delete, [0, 2], &unavailable());
    world.handle_all().await;
    assert_eq!(world.script.fetches().len(), 3, "without a redelivery");
}

#[tokio::test(start_paused = true)]
async fn deletes_that_keep_failing_lead_to_a_redelivery_and_to_no_attempt() {
    let world = World::new();
    world.send(&["ada", "bob"]).await;
    world.queue.fail_next_calls(Operation::Delete, 3, CallFailure::Broken);
    let report = world.handle_all().await;
    assert_eq!(report.outcomes.into_iter().collect::<Vec<_>>(), [("applied", 4)]);
    assert_eq!(world.script.fetches_of("ada"), 2);
}

#[tokio::test(start_paused = true)]
async fn entries_of_visibility_changes_that_fail_are_changed_again() {
    let world = World::new();
    for subject in ["ada", "bob"] {
        world.script.fetch_next(subject, Step::failing(transient("database")));
    }
    world.send(&["ada", "bob"]).await;
    world.queue.fail_next_entries(Operation::ChangeVisibility, [0], &unavailable());
    world.handle_all().await;
    let fetches = world.script.fetches();
    assert!(fetches[3].at - fetches[0].at < VISIBILITY / 2, "both came back by their wait");
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_visibility_cannot_be_changed_comes_back_by_itself() {
    let world = World::new();
    world.script.fetch_next("ada", Step::failing(transient("database")));
    world.send(&["ada"]).await;
    world.queue.fail_next_calls(Operation::ChangeVisibility, 3, CallFailure::Throttled);
    let report = world.handle_all().await;
    assert_eq!(report.outcomes["applied"], 1);
    let fetches = world.script.fetches();
    assert!(fetches[1].at - fetches[0].at >= VISIBILITY - secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_a_delete_is_harmless() {
    let world = World::new();
    world.send(&["ada"]).await;
    world.queue.lose_next_reply(Operation::Delete);
    let report = world.handle_all().await;
    assert_eq!((report.outcomes["applied"], world.script.fetches().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_a_receive_delays_its_messages_and_loses_none() {
    let world = World::new();
    world.send(&["ada", "bob"]).await;
    world.queue.lose_next_receive_reply();
    let report = world.handle_all().await;
    assert_eq!(report.outcomes["applied"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_message_twice_in_one_batch_is_one_refetch_and_both_are_deleted() {
    let world = World::new();
    world.queue.duplicate_next_in_batch();
    world.send(&["ada"]).await;
    let report = world.handle_all().await;
    assert_eq!((report.outcomes["applied"], world.script.fetches_of("ada")), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_within_the_visibility_is_refetched_after_the_first() {
    let world = World::new();
    world.script.fetch_next("ada", Step::taking(10));
    world.queue.duplicate_next();
    world.send(&["ada"]).await;
    let report = world.handle_all().await;
    assert_eq!((report.outcomes["applied"], world.script.fetches_of("ada")), (2, 2));
    assert!(world.script.fetches().iter().all(|fetch| fetch.running == 1));
}

#[tokio::test(start_paused = true)]
async fn failing_receives_are_spaced_and_receiving_goes_on_after_them() {
    let world = World::new();
    world.queue.fail_next_calls(Operation::Receive, 12, CallFailure::AccessDenied);
    let running = world.start();
    let started = tokio::time::Instant::now();
    until("a dozen failures", || world.receives() >= 12).await;
    let elapsed = started.elapsed();
    assert!(elapsed > secs(50) && elapsed < secs(100), "{elapsed:?}");
    assert!(running.liveness.since_receive() < secs(11), "errors are answers");
    world.send(&["ada"]).await;
    world.drained().await;
    running.stop().await.unwrap();
}
