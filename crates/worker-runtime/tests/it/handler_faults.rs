//! A handler that panics, hangs or answers for fewer than it was asked.

use std::future::pending;

use time::OffsetDateTime;
use worker_runtime::{BreakerView, FailedAttempt, Ledger, LedgerDown, Mode, RecordedFailure, RuntimeError};

use crate::script::{Step, transient};
use crate::world::{World, pass, secs, until};

/// The one message fails so often that it dies, and another beside it is handled.
async fn is_a_failed_attempt(world: &World, body: &str, class: &str) {
    world.send(&[body, "ada"]).await;
    let report = world.handle_all().await;
    assert_eq!((report.outcomes["applied"], report.outcomes["failed"]), (1, 5));
    let letter = world.dead(1).await.remove(0);
    assert_eq!((letter.body.as_str(), letter.attributes["coppice.class"].as_str()), (body, class));
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
async fn a_passing_failure_of_a_batch_is_everybody_s_and_not_tried_entry_by_entry() {
    let world = World::new();
    world.script.apply_next(Step::failing(transient("database")));
    world.send(&["ada", "bob"]).await;
    let report = world.handle_all().await;
    assert_eq!((report.outcomes["failed"], report.outcomes["applied"]), (2, 2));
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

/// Answers that no upstream is down; what it is asked to record, it does as its kind says.
#[derive(Clone, Copy)]
enum Faulty {
    Panics,
    Hangs,
}

impl Ledger for Faulty {
    async fn record(&self, failures: &[FailedAttempt]) -> Result<Vec<RecordedFailure>, LedgerDown> {
        match self {
            Self::Panics => panic!("as told"),
            Self::Hangs => pending().await,
        }
        let recorded = RecordedFailure { attempts: 1, first_failed_at: OffsetDateTime::UNIX_EPOCH };
        Ok(vec![recorded; failures.len()])
    }

    async fn forget(&self, _: &[String]) -> Result<(), LedgerDown> {
        Ok(())
    }

    async fn breaker(&self, _: &str) -> Result<BreakerView, LedgerDown> {
        Ok(BreakerView::Closed)
    }

    async fn open_breaker(&self, _: &str, _: &str, _: std::time::Duration) -> Result<(), LedgerDown> {
        Ok(())
    }

    async fn claim_probe(&self, _: &str, _: std::time::Duration) -> Result<bool, LedgerDown> {
        Ok(false)
    }

    async fn postpone_probe(
        &self,
        _: &str,
        _: std::time::Duration,
        _: std::time::Duration,
    ) -> Result<(), LedgerDown> {
        Ok(())
    }

    async fn close_breaker(&self, _: &str) -> Result<(), LedgerDown> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_is_broken_ends_and_gives_everything_back() {
    let world = World::new();
    world.script.fetch_always("slow", Step::taking(1_000));
    world.script.fetch_next("bad", Step::failing(transient("database")).after(secs(2)));
    world.send(&["bad", "slow"]).await;
    let running = world.start_with(Mode::Forever, Faulty::Panics);
    assert_eq!(running.task.await.unwrap(), Err(RuntimeError::Broken));
    assert!(!world.message("slow").in_flight, "given back");
    until("the other to come back by its visibility", || !world.message("bad").in_flight).await;
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_never_answers_is_down_and_holds_nothing_up() {
    let world = World::new();
    world.script.fetch_next("bad", Step::failing(transient("database")));
    world.send(&["bad", "ada"]).await;
    let running = world.start_with(Mode::Forever, Faulty::Hangs);
    until("the other to be done", || world.queue.messages().len() == 1).await;
    assert!(world.script.fetches()[0].at.elapsed() < secs(1), "it did not wait for the ledger");
    world.drained().await;
    pass(secs(1)).await;
    assert_eq!(running.stop().await.unwrap().outcomes["applied"], 2);
}
