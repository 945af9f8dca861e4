//! How much is taken, and whether the loop can be seen to live.

use crate::script::Step;
use crate::world::{World, pass, secs, until};

#[tokio::test(start_paused = true)]
async fn no_more_messages_are_in_flight_than_allowed() {
    let mut world = World::new();
    world.options.max_in_flight = 15;
    let bodies: Vec<String> = (0..60).map(|number| format!("user{number}")).collect();
    for body in &bodies {
        world.script.fetch_always(body, Step::taking(20));
        world.send(&[body]).await;
    }
    let running = world.start();
    for _ in 0..1_000 {
        pass(secs(1) / 10).await;
        assert!(world.queue.in_flight() <= 15, "{}", world.queue.in_flight());
    }
    world.drained().await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_more_refetches_run_than_allowed() {
    let mut world = World::new();
    world.options.max_refetches = 3;
    let bodies: Vec<String> = (0..12).map(|number| format!("user{number}")).collect();
    for body in &bodies {
        world.script.fetch_always(body, Step::taking(2));
        world.send(&[body]).await;
    }
    world.handle_all().await;
    let most = world.script.fetches().iter().map(|fetch| fetch.running).max();
    assert_eq!(most, Some(3));
}

#[tokio::test(start_paused = true)]
async fn an_idle_loop_lives_and_polls_long() {
    let world = World::new();
    let running = world.start();
    for _ in 0..60 {
        pass(secs(10)).await;
        assert!(running.liveness.since_turn() < secs(1));
        assert!(running.liveness.since_receive() <= secs(21), "{:?}", running.liveness.since_receive());
    }
    assert!(world.receives() <= 31, "{} receives in ten minutes", world.receives());
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_loop_whose_hands_are_full_is_alive_without_a_receive() {
    let mut world = World::new();
    world.options.max_in_flight = 1;
    world.options.step_limit = secs(1_000);
    world.script.fetch_always("slow", Step::taking(900));
    world.send(&["slow", "slow"]).await;
    let running = world.start();
    until("the work", || world.script.fetches().len() == 1).await;
    pass(secs(500)).await;
    assert!(running.liveness.since_receive() < secs(1), "{:?}", running.liveness.since_receive());
    assert_eq!(world.queue.visible(), 1);
    running.task.abort();
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_of_a_queue_with_messages_is_followed_by_another_receive() {
    let world = World::new();
    world.queue.answer_empty_next(5);
    world.send(&["ada"]).await;
    let report = world.handle_all().await;
    assert_eq!(report.outcomes["applied"], 1);
}
