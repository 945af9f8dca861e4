//! A handler that panics, hangs or answers for fewer than it was asked.

use crate::script::{Step, ours, subjects, transient};
use crate::world::{World, pass, secs, until};

/// The one message fails so often that it dies, while others are handled.
async fn is_a_failed_attempt(world: &World, body: &str, class: &str) {
    world.send(&[body]).await;
    let running = world.start();
    while world.dead_letters.messages().is_empty() {
        world.send(&["ada"]).await;
        pass(secs(1)).await;
    }
    world.drained().await;
    let report = running.stop().await.unwrap();
    assert!(report.outcomes["failed"] >= 5, "{report:?}");
    let dead = world.dead(1).await.remove(0);
    assert_eq!((subjects(&dead), dead.attributes["coppice.class"].as_str()), (body, class));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_read_is_a_failed_attempt_of_its_message() {
    is_a_failed_attempt(&World::new(), "?", "panic").await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_fetch_is_a_failed_attempt_of_its_message() {
    let world = World::new();
    world.script.fetch_always("bad", Step::panicking());
    is_a_failed_attempt(&world, "bad", "panic").await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_apply_is_a_failed_attempt_of_its_message() {
    let world = World::new();
    world.script.apply_always("bad", Step::panicking());
    is_a_failed_attempt(&world, "bad", "panic").await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_prepare_is_a_failed_attempt_of_all_it_was_for() {
    let mut world = World::new();
    world.options.retry.max_attempts = 2;
    world.script.prepare_always(Step::panicking());
    world.send(&["ada", "bob"]).await;
    assert_eq!(world.handle_all().await.dead_lettered, 2);
}

#[tokio::test(start_paused = true)]
async fn an_apply_without_an_outcome_for_each_entry_is_a_failed_attempt() {
    let world = World::new();
    world.script.apply_always("bad", Step::miscounted());
    is_a_failed_attempt(&world, "bad", "miscounted").await;
}

#[tokio::test(start_paused = true)]
async fn a_prepare_without_a_ticket_for_each_subject_is_a_failed_attempt() {
    let mut world = World::new();
    world.options.retry.max_attempts = 2;
    world.script.prepare_always(Step::miscounted());
    world.send(&["ada", "bob"]).await;
    assert_eq!(world.handle_all().await.dead_lettered, 2);
    assert_eq!(world.dead(2).await[0].attributes["coppice.class"], "miscounted");
}

#[tokio::test(start_paused = true)]
async fn a_shared_failure_of_a_batch_is_not_tried_entry_by_entry() {
    let world = World::new();
    world.script.apply_next(Step::failing(ours("database")));
    world.send(&["ada", "bob"]).await;
    let report = world.handle_all().await;
    assert_eq!((report.outcomes["outage"], report.outcomes["applied"]), (2, 2));
    assert_eq!(world.script.applies().len(), 3, "both, and then one after the other");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_never_ends_is_cut_off_and_the_upstream_is_asked() {
    let mut world = World::new();
    world.options.step_limit = secs(10);
    world.options.retry.max_attempts = 2;
    world.script.fetch_always("hung", Step::taking(1_000_000));
    world.send(&["hung"]).await;
    world.handle_all().await;
    assert_eq!(world.dead(1).await[0].attributes["coppice.class"], "overrun");
    assert_eq!(world.script.probes().len(), 2, "an upstream that never answers may be down");
    assert_eq!(world.script.cancelled(), ["hung", "hung"]);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_never_ends_while_the_upstream_is_down_costs_no_attempt() {
    let mut world = World::new();
    world.options.step_limit = secs(10);
    world.script.fetch_next("hung", Step::taking(1_000_000));
    world.script.probe_always(Step::failing(transient("timeout")));
    world.send(&["hung"]).await;
    let running = world.start();
    until("a second probe", || world.script.probes().len() == 2).await;
    assert_eq!(world.attempts("hung"), 0);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_apply_that_never_ends_is_cut_off() {
    let mut world = World::new();
    world.options.step_limit = secs(10);
    world.options.retry.max_attempts = 2;
    world.script.apply_always("hung", Step::taking(1_000_000));
    world.send(&["hung"]).await;
    world.handle_all().await;
    assert_eq!(world.dead(1).await[0].attributes["coppice.class"], "overrun");
}
