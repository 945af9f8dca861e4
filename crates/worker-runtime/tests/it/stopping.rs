//! A stop: the messages in flight are finished, the others released, and none is left in flight.

use std::time::Duration;

use sqs_queue::{CallFailure, Operation};

use crate::script::{Step, transient, upstream};
use crate::world::{World, pass, secs, until};

#[tokio::test(start_paused = true)]
async fn a_stop_finishes_the_messages_in_flight_whether_begun_or_not() {
    let mut world = World::new();
    world.options.max_refetches = 1;
    world.script.fetch_always("ada", Step::taking(5));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the work", || world.script.fetches_of("ada") == 1).await;
    world.send(&["bob", "eve"]).await;
    until("them to be received", || world.queue.in_flight() == 3).await;
    let report = running.stop().await.unwrap();
    assert_eq!(report.outcomes["applied"], 3, "{report:?}");
    assert_eq!((world.queue.messages().len(), world.script.fetches().len()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn messages_that_the_drain_has_no_time_for_are_released() {
    let mut world = World::new();
    world.options.max_refetches = 1;
    world.script.fetch_always("ada", Step::taking(15));
    world.script.fetch_always("bob", Step::taking(15));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the work", || world.script.fetches_of("ada") == 1).await;
    world.send(&["bob", "eve"]).await;
    until("them to be received", || world.queue.in_flight() == 3).await;
    let report = running.stop().await.unwrap();
    assert_eq!((report.outcomes["applied"], report.outcomes["released"]), (1, 2), "{report:?}");
    assert_eq!((world.queue.visible(), world.queue.in_flight()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_an_outage_releases_waiting_messages() {
    let mut world = World::new();
    world.options.max_refetches = 1;
    world.script.fetch_next("ada", Step::failing(upstream()).after(secs(2)));
    world.script.probe_always(Step::failing(upstream()));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the work", || world.script.fetches_of("ada") == 1).await;
    world.send(&["bob", "eve"]).await;
    until("them to be received", || world.queue.in_flight() == 3).await;
    let stopped = tokio::time::Instant::now();
    let report = running.stop().await.unwrap();
    assert!(stopped.elapsed() < secs(22), "{:?}", stopped.elapsed());
    // A receive that is under way may bring one again.
    assert!((3..=4).contains(&report.outcomes["outage"]), "{report:?}");
    assert_eq!((world.queue.messages().len(), world.script.fetches().len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_receive_under_way_is_waited_for_and_its_messages_are_handled() {
    let world = World::new();
    let running = world.start();
    until("a receive", || world.receives() == 1).await;
    pass(secs(1)).await;
    running.stop.cancel();
    pass(secs(1)).await;
    world.send(&["ada"]).await;
    let report = running.stop().await.unwrap();
    assert_eq!((report.outcomes["applied"], world.queue.messages().len()), (1, 0));
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
async fn work_that_takes_longer_than_the_drain_is_aborted_and_its_messages_are_released() {
    let mut world = World::new();
    world.options.step_limit = secs(1_000);
    world.script.fetch_always("slow", Step::taking(900));
    world.send(&["slow"]).await;
    let running = world.start();
    until("the work", || world.script.fetches().len() == 1).await;
    let stopped = tokio::time::Instant::now();
    let report = running.stop().await.unwrap();
    let elapsed = stopped.elapsed();
    // The last three seconds are kept for the release.
    assert!(elapsed >= secs(22) && elapsed < secs(23), "{elapsed:?}");
    assert_eq!(report.outcomes["released"], 1);
    assert_eq!((world.queue.visible(), world.attempts("slow")), (1, 0));
    until("the work to end", || world.script.cancelled() == ["slow"]).await;
}

#[tokio::test(start_paused = true)]
async fn messages_that_cannot_be_released_come_back_when_their_visibility_ends() {
    let mut world = World::new();
    world.options.step_limit = secs(1_000);
    world.script.fetch_always("slow", Step::taking(900));
    world.send(&["slow"]).await;
    let running = world.start();
    until("the work", || world.script.fetches().len() == 1).await;
    running.stop.cancel();
    pass(secs(21)).await;
    // The heartbeats are over: what fails is the giving back, each time.
    world.queue.fail_next_calls(Operation::ChangeVisibility, 3, CallFailure::Broken);
    running.task.await.unwrap().unwrap();
    assert_eq!(world.queue.in_flight(), 1);
    until("its visibility", || world.queue.visible() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn messages_being_settled_at_the_end_of_the_drain_are_settled() {
    let mut world = World::new();
    world.options.drain_limit = secs(4);
    world.options.receive_wait = Duration::from_millis(100);
    world.script.fetch_always("ada", Step::taking(3));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the work", || world.script.fetches().len() == 1).await;
    pass(Duration::from_millis(2_200)).await;
    // It is over in a second: after the second of these, and before the delete that succeeds.
    world.queue.fail_next_calls(Operation::Delete, 2, CallFailure::Broken);
    assert_eq!(running.stop().await.unwrap().outcomes["applied"], 1);
    assert_eq!((world.queue.calls(Operation::Delete), world.queue.messages().len()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_a_probe_waits_for_its_answer() {
    let world = World::new();
    world.script.fetch_next("ada", Step::failing(upstream()));
    world.script.probe_always(Step::taking(8));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the probe", || world.script.probes().len() == 1).await;
    let report = running.stop().await.unwrap();
    assert_eq!(report.outcomes["failed"], 1);
    // The receive that was under way brought it again.
    assert_eq!((report.outcomes["applied"], world.queue.messages().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_the_ledger_is_down_releases_every_message() {
    let world = World::new();
    world.script.fetch_next("ada", Step::failing(transient("database")).after(secs(3)));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the work", || world.script.fetches().len() == 1).await;
    world.ledger.set_down(true);
    let report = running.stop().await.unwrap();
    assert!(report.outcomes["outage"] >= 1, "{report:?}");
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
