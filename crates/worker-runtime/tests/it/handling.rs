//! What becomes of messages when nothing is wrong with the queue.

use sqs_queue::Operation;
use worker_runtime::Outcome;

use crate::script::{Step, rejected, subjects};
use crate::world::{World, pass, secs, until};

#[tokio::test(start_paused = true)]
async fn every_message_is_deleted_once_handled() {
    let world = World::new();
    let bodies: Vec<String> = (0..35).map(|number| format!("user{number}")).collect();
    world.send(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let report = world.handle_all().await;
    assert_eq!(report.outcomes["applied"], 35);
    assert_eq!(world.script.fetches().len(), 35);
    assert!(world.queue.calls(Operation::Delete) <= 10, "deletes are batched");
    assert_eq!(world.dead_letters.messages(), []);
}

#[tokio::test(start_paused = true)]
async fn each_outcome_is_counted_and_a_message_without_a_subject_is_done() {
    let world = World::new();
    world.script.fetch_always("same", Step::with(Outcome::Unchanged));
    world.script.fetch_always("away", Step::with(Outcome::Gone));
    world.send(&["ada", "same", "away", "-"]).await;
    let report = world.handle_all().await;
    let expected = [("applied", 1), ("gone", 1), ("ignored", 1), ("unchanged", 1)];
    assert_eq!(report.outcomes.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(world.script.fetches().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn ten_messages_about_one_subject_are_one_refetch() {
    let world = World::new();
    world.send(&["ada"; 10]).await;
    let report = world.handle_all().await;
    assert_eq!(world.script.fetches_of("ada"), 1);
    assert_eq!(report.outcomes["applied"], 10);
}

#[tokio::test(start_paused = true)]
async fn a_message_during_a_refetch_leads_to_another_after_it() {
    let world = World::new();
    world.script.fetch_next("ada", Step::taking(5));
    let running = world.start();
    world.send(&["ada"]).await;
    until("the first refetch", || world.script.fetches_of("ada") == 1).await;
    world.send(&["ada", "ada"]).await;
    pass(secs(4)).await;
    assert_eq!(world.script.fetches_of("ada"), 1, "one at a time");
    world.drained().await;
    assert_eq!(world.script.fetches_of("ada"), 2);
    let fetches = world.script.fetches();
    assert!(fetches[1].at - fetches[0].at >= secs(5) && fetches[1].running == 1);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_slow_entry_does_not_hold_the_rest() {
    let world = World::new();
    world.script.fetch_always("slow", Step::taking(20));
    world.send(&["ada", "slow", "bob"]).await;
    let running = world.start();
    until("the quick ones", || world.queue.messages().len() == 1).await;
    assert_eq!(subjects(&world.queue.messages()[0]), "slow");
    assert!(world.script.fetches()[0].at.elapsed() < secs(1));
    world.drained().await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_applied_together_and_in_the_order_of_its_subjects() {
    let world = World::new();
    world.send(&["cyd", "ada", "bob"]).await;
    world.handle_all().await;
    assert_eq!(world.script.applies(), [["ada", "bob", "cyd"]]);
}

#[tokio::test(start_paused = true)]
async fn records_fetched_while_a_batch_is_applied_are_applied_next() {
    let world = World::new();
    world.script.apply_next(Step::taking(10));
    let running = world.start();
    world.send(&["ada"]).await;
    until("the first batch", || world.script.applies().len() == 1).await;
    world.send(&["bob", "cyd"]).await;
    world.drained().await;
    assert_eq!(world.script.applies(), [vec!["ada"], vec!["bob", "cyd"]]);
    let applied_at = world.script.applied_at();
    assert!(applied_at[1] - applied_at[0] >= secs(10), "one batch at a time");
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_bad_entry_of_a_batch_fails_alone() {
    let world = World::new();
    world.script.apply_always("bad", Step::failing(rejected("invalid")));
    world.send(&["ada", "bad", "bob"]).await;
    let report = world.handle_all().await;
    assert_eq!(report.outcomes["applied"], 2);
    assert_eq!(subjects(&world.dead(1).await[0]), "bad");
    let singles = [vec!["ada"], vec!["bad"], vec!["bob"], vec!["bad"]];
    assert_eq!(world.script.applies()[1..], singles, "the batch, then each alone, then the bad one again");
}

#[tokio::test(start_paused = true)]
async fn a_message_with_several_subjects_waits_for_all_of_them() {
    let world = World::new();
    world.script.fetch_always("slow", Step::taking(9));
    world.send(&["ada slow ada"]).await;
    let running = world.start();
    until("the quick subject", || world.script.applies().len() == 1).await;
    pass(secs(5)).await;
    assert_eq!(world.queue.in_flight(), 1);
    world.drained().await;
    assert_eq!((world.script.fetches_of("ada"), world.script.fetches_of("slow")), (1, 1));
    assert_eq!(running.stop().await.unwrap().outcomes["applied"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_snoozed_message_comes_back_after_its_time_and_no_attempt_is_counted() {
    let world = World::new();
    world.script.fetch_next("ada", Step::with(Outcome::Snooze(secs(7))));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the first look", || world.script.fetches_of("ada") == 1).await;
    assert_eq!(world.attempts("ada"), 0);
    world.drained().await;
    let fetches = world.script.fetches();
    assert!(fetches[1].at - fetches[0].at >= secs(7));
    running.stop().await.unwrap();
}
