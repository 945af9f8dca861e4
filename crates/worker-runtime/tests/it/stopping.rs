//! Told to stop: what is begun is finished, the rest is given back, and nothing is left in flight.

use sqs_queue::{CallFailure, Operation};
use worker_runtime::RuntimeError;

use crate::script::{Step, transient, upstream};
use crate::world::{World, pass, secs, until};

#[tokio::test(start_paused = true)]
async fn what_is_begun_is_finished_and_the_rest_is_given_back_at_once() {
    let mut world = World::new();
    world.options.max_refetches = 1;
    world.script.fetch_always("ada", Step::taking(5));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the work", || world.script.fetches_of("ada") == 1).await;
    world.send(&["bob", "ada"]).await;
    until("them to be received", || world.queue.in_flight() == 3).await;
    let stopped = tokio::time::Instant::now();
    running.stop.cancel();
    until("the rest to be back", || world.queue.visible() == 2).await;
    assert!(stopped.elapsed() < secs(1));
    let report = running.stop().await.unwrap();
    assert_eq!(report.outcomes["applied"], 1);
    // A receive that is under way may bring them again.
    assert!((2..=4).contains(&report.outcomes["given_back"]), "{report:?}");
    assert_eq!((world.queue.visible(), world.queue.in_flight()), (2, 0));
    assert_eq!(world.script.fetches().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_receive_under_way_is_waited_for_and_its_messages_are_given_back() {
    let world = World::new();
    let running = world.start();
    until("a receive", || world.receives() == 1).await;
    pass(secs(1)).await;
    running.stop.cancel();
    pass(secs(1)).await;
    world.send(&["ada"]).await;
    let report = running.stop().await.unwrap();
    assert_eq!(report.outcomes["given_back"], 1);
    assert_eq!((world.queue.visible(), world.script.fetches().len()), (1, 0));
    assert_eq!(world.receives(), 1, "none after the stop");
}

#[tokio::test(start_paused = true)]
async fn an_idle_process_ends_within_its_long_poll() {
    let world = World::new();
    let running = world.start();
    until("a receive", || world.receives() == 1).await;
    let stopped = tokio::time::Instant::now();
    running.stop().await.unwrap();
    assert!(stopped.elapsed() <= secs(21));
}

#[tokio::test(start_paused = true)]
async fn what_takes_longer_than_the_drain_is_given_up_and_given_back() {
    let mut world = World::new();
    world.options.step_limit = secs(1_000);
    world.script.fetch_always("slow", Step::taking(900));
    world.send(&["slow"]).await;
    let running = world.start();
    until("the work", || world.script.fetches().len() == 1).await;
    let stopped = tokio::time::Instant::now();
    let report = running.stop().await.unwrap();
    let elapsed = stopped.elapsed();
    assert!(elapsed >= secs(22) && elapsed <= world.options.drain_limit, "{elapsed:?}");
    assert_eq!(report.outcomes["given_back"], 1);
    assert_eq!((world.queue.visible(), world.attempts("slow")), (1, 0));
    until("the work to end", || world.script.cancelled() == ["slow"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_takes_nothing_back_is_told() {
    let mut world = World::new();
    world.options.step_limit = secs(1_000);
    world.script.fetch_always("slow", Step::taking(900));
    world.send(&["slow"]).await;
    let running = world.start();
    until("the work", || world.script.fetches().len() == 1).await;
    running.stop.cancel();
    pass(secs(20)).await;
    // Heartbeats are over by then: what fails is the giving back.
    world.queue.fail_next_calls(Operation::ChangeVisibility, 3, CallFailure::Broken);
    let ended = running.task.await.unwrap();
    assert!(matches!(ended, Ok(_) | Err(RuntimeError::Undrained(1))), "{ended:?}");
    until("its visibility", || world.queue.visible() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn settling_goes_on_when_the_drain_is_over() {
    let mut world = World::new();
    world.options.drain_limit = secs(4);
    world.options.receive_wait = secs(1);
    world.script.fetch_always("ada", Step::taking(60));
    world.script.fetch_next("bad", Step::failing(transient("database")).after(secs(20)));
    world.send(&["ada", "bad"]).await;
    let running = world.start();
    until("the work", || world.script.fetches().len() == 2).await;
    pass(secs(19)).await;
    pass(secs(1) / 2).await;
    // The visibility change of the failed one is under way, and fails twice, when the second of drain is over.
    world.queue.fail_next_calls(Operation::ChangeVisibility, 2, CallFailure::Broken);
    pass(secs(1) / 4).await;
    running.stop.cancel();
    let report = running.stop().await.unwrap();
    assert_eq!(report.outcomes.values().sum::<u64>(), 2);
    until("both to be back", || world.queue.visible() == 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_the_upstream_is_asked_who_is_to_blame_waits_for_the_answer() {
    let world = World::new();
    world.script.fetch_next("ada", Step::failing(upstream()));
    world.script.probe_always(Step::taking(8));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the probe", || world.script.probes().len() == 1).await;
    let report = running.stop().await.unwrap();
    assert_eq!(report.outcomes["failed"], 1);
    assert_eq!(world.attempts("ada"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_the_ledger_is_down_gives_everything_back() {
    let world = World::new();
    world.script.fetch_next("ada", Step::failing(transient("database")).after(secs(3)));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the work", || world.script.fetches().len() == 1).await;
    world.ledger.set_down(true);
    let report = running.stop().await.unwrap();
    assert_eq!(report.outcomes["failed"], 1);
    world.ledger.set_down(false);
    assert_eq!(world.attempts("ada"), 0);
    until("its wait", || world.queue.visible() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_never_got_to_work_ends_at_once() {
    let world = World::new();
    world.ledger.set_down(true);
    let running = world.start();
    let stopped = tokio::time::Instant::now();
    running.stop().await.unwrap();
    assert!(stopped.elapsed() < secs(1));
    assert_eq!(world.receives(), 0);
}
