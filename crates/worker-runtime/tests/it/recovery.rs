//! The upstream answers again: one asks, and work resumes step by step.

use worker_runtime::{BreakerView, Failure, Ledger};

use crate::script::{Step, upstream};
use crate::world::{World, pass, secs, until};

#[tokio::test(start_paused = true)]
async fn two_processes_share_one_prober() {
    let world = World::new();
    world.script.set_upstream_down(true);
    world.send(&["ada"]).await;
    let (running, other) = (world.start(), world.start());
    until("the breaker to open", || world.script.probes().len() == 1).await;
    pass(secs(3600)).await;
    let probes = world.script.probes();
    let early = probes.windows(2).filter(|pair| pair[1] - pair[0] < secs(4)).count();
    assert_eq!(early, 0, "{probes:?}");
    assert!(probes.len() < 70, "as many as one process makes: {}", probes.len());
    world.script.set_upstream_down(false);
    world.drained().await;
    running.stop().await.unwrap();
    other.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_slow_probe_is_not_repeated_by_another_process() {
    let world = World::new();
    world.script.set_upstream_down(true);
    world.send(&["ada"]).await;
    let (running, other) = (world.start(), world.start());
    until("the breaker to open", || world.script.probes().len() == 1).await;
    world.script.probe_always(Step::taking(14));
    until("a second probe", || world.script.probes().len() == 2).await;
    world.script.set_upstream_down(false);
    pass(secs(13)).await;
    assert_eq!(world.script.probes().len(), 2);
    world.drained().await;
    running.stop().await.unwrap();
    other.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_has_failed_before_another_process_may_probe() {
    let mut world = World::new();
    world.options.step_limit = secs(1_000);
    world.script.fetch_next("ada", Step::failing(upstream()));
    world.script.probe_always(Step::taking(900));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the probe", || world.script.probes().len() == 1).await;
    pass(secs(14)).await;
    assert_eq!(world.ledger.breaker("provider").await, Ok(BreakerView::Closed));
    pass(secs(2)).await;
    assert!(matches!(world.ledger.breaker("provider").await, Ok(BreakerView::Open { .. })));
    world.script.probe_always(Step::well());
    world.drained().await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_next_probe_waits_as_long_as_the_answer_to_the_last_one_asks() {
    let hint = Some(secs(40));
    let detail = String::from("as scripted");
    let class = "http_503";
    for answer in [
        Failure::Limited { retry_after: secs(40) },
        Failure::Transient { class, detail: detail.clone(), retry_after: hint },
        Failure::Upstream { class, detail, retry_after: hint },
    ] {
        let world = World::new();
        world.script.fetch_next("ada", Step::failing(upstream()));
        world.script.probe_always(Step::failing(answer.clone()));
        world.send(&["ada"]).await;
        let running = world.start();
        until("three probes", || world.script.probes().len() == 3).await;
        let probes = world.script.probes();
        let waits: Vec<_> = probes.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(waits.iter().all(|wait| *wait >= secs(40) && *wait < secs(62)), "{answer:?}: {waits:?}");
        world.script.probe_always(Step::well());
        world.drained().await;
        running.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn work_resumes_gradually() {
    let world = World::new();
    world.script.set_upstream_down(true);
    world.send(&["ada"]).await;
    let running = world.start();
    until("the breaker to open", || world.script.probes().len() == 1).await;
    pass(secs(25)).await; // A receive that was under way has ended.
    world.script.fetch_always("ada", Step::taking(10));
    let subjects: Vec<String> = (0..40).map(|number| format!("user{number:02}")).collect();
    for subject in &subjects {
        world.script.fetch_always(subject, Step::taking(10));
        world.send(&[subject]).await;
    }
    world.script.set_upstream_down(false);
    until("the first refetch", || world.script.fetches().len() == 2).await;
    pass(secs(5)).await;
    assert_eq!(
        (world.script.fetches().len(), world.queue.in_flight()),
        (2, 1),
        "one at a time, and no more in flight"
    );
    until("a later one", || world.script.fetches().len() == 12).await;
    let at_once: Vec<usize> = world.script.fetches()[1..].iter().map(|fetch| fetch.running).collect();
    assert!(at_once[0] == 1 && at_once[1..3].iter().all(|running| *running <= 2), "{at_once:?}");
    assert!(at_once[3..].iter().all(|running| *running <= 8), "{at_once:?}");
    world.drained().await;
    let most = world.script.fetches().iter().map(|fetch| fetch.running).max();
    assert_eq!(most, Some(world.options.max_refetches));
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_failure_counts_while_only_probes_succeed() {
    let world = World::new();
    world.script.know_no_record();
    world.script.set_upstream_down(true);
    world.send(&["ada"]).await;
    let running = world.start();
    until("the breaker to open", || world.script.probes().len() == 1).await;
    world.script.probe_always(Step::well());
    until("refetches", || world.script.fetches().len() >= 8).await;
    assert_eq!(world.dead_letters.messages(), []);
    world.script.set_upstream_down(false);
    world.drained().await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_record_that_always_fails_alone_is_counted_even_if_it_is_the_first_after_an_outage() {
    let world = World::new();
    world.script.set_upstream_down(true);
    world.script.fetch_always("odd", Step::failing(upstream()));
    world.send(&["odd"]).await;
    let running = world.start();
    until("the breaker to open", || world.script.probes().len() == 1).await;
    world.script.set_upstream_down(false);
    let dead = world.dead(1).await.remove(0);
    assert_eq!(dead.attributes["coppice.class"], "http_500");
    assert!(world.script.fetches().len() <= 8, "{}", world.script.fetches().len());
    running.stop().await.unwrap();
}
