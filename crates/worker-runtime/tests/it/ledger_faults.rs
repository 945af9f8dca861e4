//! Our own database is away: nothing is counted, nothing is received, nothing dies.

use std::time::Duration;

use worker_runtime::{Failure, Mode, RuntimeError};

use crate::faulty_ledger::Fault;
use crate::script::{Step, ours, transient};
use crate::world::{World, pass, secs, until};

#[tokio::test(start_paused = true)]
async fn nothing_is_received_before_the_ledger_has_answered_once() {
    let world = World::new();
    world.ledger.set_down(true);
    world.send(&["ada"]).await;
    let running = world.start();
    pass(secs(60)).await;
    assert_eq!(world.receives(), 0);
    assert!(running.liveness.since_receive() < secs(1), "paused on purpose");
    world.ledger.set_down(false);
    world.drained().await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn failures_while_the_ledger_is_down_are_not_counted_and_receiving_stops() {
    let world = World::new();
    world.script.fetch_always("ada", Step::failing(transient("stale_read")).after(secs(2)));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the refetch", || world.script.fetches_of("ada") == 1).await;
    world.ledger.set_down(true);
    pass(secs(30)).await;
    let receives = world.receives();
    pass(secs(600)).await;
    assert_eq!((world.script.fetches_of("ada"), world.receives()), (1, receives));
    assert_eq!((world.attempts("ada"), world.dead_letters.messages().len()), (0, 0));
    world.ledger.set_down(false);
    world.dead(1).await;
    assert_eq!(world.script.fetches_of("ada"), 6, "the uncounted one and five counted");
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn waiting_messages_are_released_while_the_ledger_is_down() {
    let mut world = World::new();
    world.options.max_refetches = 1;
    world.script.fetch_always("slow", Step::taking(20));
    world.send(&["slow"]).await;
    let running = world.start();
    until("the refetch", || world.script.fetches_of("slow") == 1).await;
    world.send(&["ada"]).await;
    until("it to be received", || world.queue.in_flight() == 2).await;
    world.ledger.set_down(true);
    until("its release", || !world.message("ada").in_flight).await;
    assert!(world.script.fetches()[0].at.elapsed() < secs(15), "after a pause, not by its visibility");
    until("the slow one to be done", || world.queue.messages().len() == 1).await;
    world.ledger.set_down(false);
    world.drained().await;
    // The receive that was under way brought it once more.
    assert!(running.stop().await.unwrap().outcomes["outage"] <= 2);
}

#[tokio::test(start_paused = true)]
async fn no_attempt_is_counted_if_the_ledger_is_down_during_a_probe() {
    let world = World::new();
    world.script.fetch_next("ada", Step::failing(crate::script::upstream()).after(secs(1)));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the refetch", || world.script.fetches_of("ada") == 1).await;
    world.ledger.set_down(true);
    pass(secs(20)).await;
    world.ledger.set_down(false);
    assert_eq!(world.attempts("ada"), 0);
    world.drained().await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_broken_loop_ends_and_releases_every_message() {
    let world = World::new();
    world.script.fetch_always("slow", Step::taking(1_000));
    world.script.fetch_next("bad", Step::failing(transient("stale_read")).after(secs(2)));
    world.send(&["bad", "slow"]).await;
    let running = world.start_with(Mode::Forever, world.faulty_ledger(Fault::RecordPanics));
    assert_eq!(running.task.await.unwrap(), Err(RuntimeError::Broken));
    assert!(!world.message("slow").in_flight, "released");
    until("the other to come back by its visibility", || !world.message("bad").in_flight).await;
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_never_answers_is_down_and_holds_nothing_up() {
    let world = World::new();
    world.script.fetch_next("bad", Step::failing(transient("stale_read")));
    world.send(&["bad", "ada"]).await;
    let running = world.start_with(Mode::Forever, world.faulty_ledger(Fault::RecordHangs));
    until("the other to be done", || world.queue.messages().len() == 1).await;
    assert!(world.script.fetches()[0].at.elapsed() < secs(1), "it did not wait for the ledger");
    world.drained().await;
    pass(secs(1)).await;
    assert_eq!(running.stop().await.unwrap().outcomes["applied"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_cannot_count_stops_the_work_until_it_answers_again() {
    let world = World::new();
    world.script.fetch_next("bad", Step::failing(transient("stale_read")).after(Duration::from_millis(300)));
    world.send(&["bad"]).await;
    let running = world.start_with(Mode::Forever, world.faulty_ledger(Fault::RecordFails));
    until("the refetch", || world.script.fetches_of("bad") == 1).await;
    pass(Duration::from_millis(400)).await;
    world.send(&["ada"]).await;
    pass(Duration::from_millis(200)).await;
    assert_eq!(world.script.fetches_of("ada"), 0, "the receive that was under way brought it");
    world.drained().await;
    assert_eq!(running.stop().await.unwrap().outcomes["outage"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_before_the_breaker_opened_does_not_close_it() {
    let world = World::new();
    let ledger = world.faulty_ledger(Fault::BreakerIsToldLate(Duration::from_millis(500)));
    let running = world.start_with(Mode::Forever, ledger);
    until("a receive", || world.receives() == 1).await;
    // The ledger is asked every second: at the next, it says that all is well, and is heard half a second later.
    let limited = Failure::Limited { retry_after: secs(40) };
    world.script.fetch_next("ada", Step::failing(limited).after(Duration::from_millis(750)));
    world.send(&["ada"]).await;
    pass(Duration::from_millis(1_050)).await;
    world.send(&["bob"]).await;
    pass(secs(30)).await;
    assert_eq!((world.script.fetches_of("ada"), world.script.fetches_of("bob")), (1, 0));
    world.drained().await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_our_own_side_costs_no_attempt_and_few_receives_however_long_it_lasts() {
    let world = World::new();
    let subjects = ["ada", "bob", "cyd", "dan", "eve", "fay"];
    subjects.iter().for_each(|subject| world.script.apply_always(subject, Step::failing(ours("database"))));
    world.send(&subjects).await;
    let running = world.start();
    until("a try", || !world.script.applies().is_empty()).await;
    pass(secs(1)).await;
    assert!(running.liveness.is_own_outage());
    pass(secs(3600)).await;
    for message in world.queue.messages() {
        assert!(message.receive_count < 40, "{message:?}");
        assert_eq!(world.ledger.failures(&message.message_id), []);
    }
    subjects.iter().for_each(|subject| world.script.apply_always(subject, Step::well()));
    world.drained().await;
    assert!(!running.liveness.is_own_outage());
    assert_eq!(running.stop().await.unwrap().dead_lettered, 0);
}
