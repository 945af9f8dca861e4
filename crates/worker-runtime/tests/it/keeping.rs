//! `InFlight` messages stay ours, or are let go.

use sqs_queue::{CallFailure, EntryError, Operation, VISIBILITY_LIMIT};

use crate::script::{Step, transient};
use crate::world::{VISIBILITY, World, pass, secs, until};

const LONG: u64 = 300;

fn long_steps(world: &mut World) {
    world.options.step_limit = secs(100_000);
}

#[tokio::test(start_paused = true)]
async fn work_that_outlives_the_visibility_keeps_its_message() {
    let mut world = World::new();
    long_steps(&mut world);
    world.script.fetch_next("ada", Step::taking(LONG));
    world.send(&["ada"]).await;
    let running = world.start();
    pass(secs(LONG - 1)).await;
    assert_eq!((world.queue.in_flight(), world.message("ada").receive_count), (1, 1));
    world.drained().await;
    assert_eq!(world.script.fetches_of("ada"), 1);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn messages_that_wait_are_kept_as_well_as_those_that_are_worked_on() {
    let mut world = World::new();
    long_steps(&mut world);
    world.options.max_refetches = 1;
    world.script.fetch_always("slow", Step::taking(100));
    world.send(&["slow", "ada", "slow bob"]).await;
    let running = world.start();
    world.drained().await;
    assert_eq!(world.script.fetches_of("ada"), 1);
    assert_eq!(running.stop().await.unwrap().outcomes["applied"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_heartbeat_is_made_up_for_by_the_next() {
    let mut world = World::new();
    long_steps(&mut world);
    world.script.fetch_next("ada", Step::taking(60));
    world.queue.fail_next_calls(Operation::ChangeVisibility, 1, CallFailure::Throttled);
    world.send(&["ada"]).await;
    let running = world.start();
    world.drained().await;
    assert_eq!((world.script.fetches_of("ada"), world.script.cancelled().len()), (1, 0));
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_entry_of_a_heartbeat_that_fails_harms_no_other() {
    let mut world = World::new();
    long_steps(&mut world);
    for subject in ["ada", "bob"] {
        world.script.fetch_next(subject, Step::taking(60));
    }
    let throttled = EntryError::Unavailable { code: String::from("RequestThrottled") };
    world.queue.fail_next_entries(Operation::ChangeVisibility, [0], &throttled);
    world.send(&["ada", "bob"]).await;
    let running = world.start();
    world.drained().await;
    assert_eq!((world.script.fetches().len(), world.script.cancelled().len()), (2, 0));
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_receipt_cancels_the_work_on_its_message() {
    let mut world = World::new();
    long_steps(&mut world);
    world.script.fetch_next("ada", Step::taking(LONG));
    world.queue.fail_next_entries(Operation::ChangeVisibility, [0], &EntryError::ReceiptLost);
    world.send(&["ada"]).await;
    let running = world.start();
    until("the work to end", || world.script.cancelled() == ["ada"]).await;
    let elapsed = world.script.fetches()[0].at.elapsed();
    assert!(elapsed < VISIBILITY / 3 + secs(1), "{elapsed:?}");
    world.drained().await;
    assert_eq!(world.script.fetches_of("ada"), 2, "it came back by its visibility");
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn work_goes_on_while_another_message_still_wants_it() {
    let mut world = World::new();
    long_steps(&mut world);
    world.script.fetch_next("ada", Step::taking(60));
    world.queue.fail_next_entries(Operation::ChangeVisibility, [0], &EntryError::ReceiptLost);
    world.send(&["ada", "ada"]).await;
    let running = world.start();
    world.drained().await;
    assert_eq!(world.script.cancelled().len(), 0);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_that_could_not_be_kept_is_let_go_by_our_own_clock() {
    let mut world = World::new();
    long_steps(&mut world);
    world.script.fetch_next("ada", Step::taking(LONG));
    world.queue.fail_next_calls(Operation::ChangeVisibility, 2, CallFailure::Broken);
    world.send(&["ada"]).await;
    let running = world.start();
    until("the work to end", || world.script.cancelled() == ["ada"]).await;
    let elapsed = world.script.fetches()[0].at.elapsed();
    assert!(elapsed >= VISIBILITY - secs(1) && elapsed < VISIBILITY + secs(1), "{elapsed:?}");
    world.drained().await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_lost_while_it_is_prepared_is_not_refetched() {
    let mut world = World::new();
    long_steps(&mut world);
    world.script.prepare_always(Step::taking(25));
    world.queue.fail_next_entries(Operation::ChangeVisibility, [0], &EntryError::ReceiptLost);
    world.send(&["ada"]).await;
    let running = world.start();
    until("a prepare", || world.script.prepares() == 1).await;
    pass(secs(28)).await;
    assert_eq!(world.script.fetches_of("ada"), 0);
    world.drained().await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_message_is_kept_beyond_sqs_s_own_limit() {
    let mut world = World::new();
    world.options.step_limit = secs(100_000);
    world.script.fetch_next("ada", Step::taking(90_000));
    world.send(&["ada"]).await;
    let running = world.start();
    pass(VISIBILITY_LIMIT - secs(60)).await;
    assert_eq!((world.script.cancelled().len(), world.queue.in_flight()), (0, 1));
    pass(secs(70)).await;
    assert_eq!(world.script.cancelled(), ["ada"], "let go when SQS lets go");
    world.drained().await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_sqs_allows_is_cut_rather_than_refused() {
    let mut world = World::new();
    long_steps(&mut world);
    let detail = String::new();
    let wait = Some(VISIBILITY_LIMIT);
    let failure = worker_runtime::Failure::Transient { class: "quota", detail, retry_after: wait };
    world.script.fetch_next("ada", Step::failing(failure).after(secs(600)));
    world.script.fetch_next("bob", Step::failing(transient("database")));
    world.send(&["ada", "bob"]).await;
    let running = world.start();
    until("the failure", || world.ledger.failures(&world.message("ada").message_id).len() == 1).await;
    pass(VISIBILITY * 2).await;
    assert!(world.message("ada").in_flight, "it did not come back by its visibility");
    running.stop().await.unwrap();
}
