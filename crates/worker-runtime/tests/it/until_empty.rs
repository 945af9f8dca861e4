//! A job on the loop ends when the queue is empty, and not before.

use sqs_queue::{CallFailure, Operation, Queue};
use worker_runtime::Mode;

use crate::script::{Step, transient};
use crate::world::{VISIBILITY, World, pass, secs, until};

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_queue_is_empty_and_everything_is_handled() {
    let world = World::new();
    world.script.fetch_always("slow", Step::taking(25));
    world.send(&["ada", "slow", "bob"]).await;
    let report = world.start_as(Mode::UntilEmpty).task.await.unwrap().unwrap();
    assert_eq!(report.outcomes["applied"], 3);
    assert_eq!(world.queue.messages(), []);
}

#[tokio::test(start_paused = true)]
async fn it_ends_on_a_queue_that_was_empty_all_along_after_two_looks() {
    let world = World::new();
    let started = tokio::time::Instant::now();
    world.start_as(Mode::UntilEmpty).task.await.unwrap().unwrap();
    assert_eq!((world.receives(), world.queue.calls(Operation::Depth)), (2, 2));
    assert!(started.elapsed() < secs(60));
}

#[tokio::test(start_paused = true)]
async fn it_does_not_end_while_another_consumer_holds_a_message() {
    let world = World::new();
    world.send(&["ada"]).await;
    let received = world.queue.receive(1, secs(0)).await.unwrap();
    assert_eq!(received.len(), 1);
    let running = world.start_as(Mode::UntilEmpty);
    pass(VISIBILITY - secs(1)).await;
    assert!(!running.task.is_finished());
    let report = running.task.await.unwrap().unwrap();
    assert_eq!(report.outcomes["applied"], 1, "it came back, and was handled here");
}

#[tokio::test(start_paused = true)]
async fn it_does_not_end_while_a_failed_message_waits_for_its_next_attempt() {
    let mut world = World::new();
    world.options.retry.base = secs(300);
    for _ in 0..3 {
        world.script.fetch_next("ada", Step::failing(transient("database")));
    }
    world.send(&["ada"]).await;
    let report = world.start_as(Mode::UntilEmpty).task.await.unwrap().unwrap();
    assert_eq!((report.outcomes["failed"], report.outcomes["applied"]), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn it_does_not_end_in_an_outage() {
    let world = World::new();
    world.script.set_upstream_down(true);
    world.send(&["ada"]).await;
    let running = world.start_as(Mode::UntilEmpty);
    pass(secs(3600)).await;
    assert!(!running.task.is_finished());
    world.script.set_upstream_down(false);
    assert_eq!(running.task.await.unwrap().unwrap().outcomes["applied"], 1);
}

#[tokio::test(start_paused = true)]
async fn it_does_not_believe_an_empty_answer_or_a_failed_count() {
    let world = World::new();
    world.queue.answer_empty_next(3);
    world.queue.fail_next_calls(Operation::Depth, 2, CallFailure::Throttled);
    world.send(&["ada"]).await;
    let report = world.start_as(Mode::UntilEmpty).task.await.unwrap().unwrap();
    assert_eq!(report.outcomes["applied"], 1);
}

#[tokio::test(start_paused = true)]
async fn it_can_be_stopped_before() {
    let world = World::new();
    world.send(&["ada"]).await;
    world.queue.receive(1, secs(0)).await.unwrap();
    let running = world.start_as(Mode::UntilEmpty);
    until("a look", || world.receives() >= 2).await;
    assert!(running.stop().await.is_ok());
    assert_eq!(world.queue.messages().len(), 1);
}
