//! The upstream is down, or asks for a pause: receiving stops, messages go back, no attempt is counted.

use worker_runtime::{BreakerView, Failure, Ledger, Outcome};

use crate::script::{Step, rejected, subjects, transient, upstream};
use crate::world::{World, pass, secs, until};

#[tokio::test(start_paused = true)]
async fn an_outage_stops_receiving_and_counts_no_attempt() {
    let world = World::new();
    world.script.set_upstream_down(true);
    world.send(&["ada", "bob", "cyd", "dan", "eve"]).await;
    let running = world.start();
    until("the breaker to open", || world.script.probes().len() == 1).await;
    pass(secs(30)).await;
    let receives = world.receives();
    pass(secs(6 * 3600)).await;
    assert_eq!(world.receives(), receives, "not one receive in six hours");
    assert!(running.liveness.since_receive() < secs(1), "and it is no fault of the loop");
    for message in world.queue.messages() {
        assert!(!message.in_flight && message.receive_count <= 2, "{message:?}");
        assert_eq!(world.attempts(subjects(&message)), 0);
    }
    let probes = world.script.probes().len();
    assert!(probes > 300 && probes < 400, "about one a minute: {probes}");
    world.script.set_upstream_down(false);
    world.drained().await;
    let report = running.stop().await.unwrap();
    assert_eq!((report.outcomes["applied"], report.dead_lettered), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn unfinished_messages_are_released_when_the_breaker_opens() {
    let mut world = World::new();
    world.options.max_refetches = 1;
    world.script.fetch_next("ada", Step::failing(upstream()).after(secs(1)));
    world.script.probe_always(Step::failing(transient("timeout")));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the refetch", || world.script.fetches_of("ada") == 1).await;
    world.send(&["bob"]).await;
    until("both to be back", || world.queue.visible() == 2).await;
    assert_eq!(world.script.fetches_of("bob"), 0);
    assert!(running.stop().await.unwrap().outcomes["outage"] >= 2);
}

#[tokio::test(start_paused = true)]
async fn the_next_refetch_starts_when_it_is_known_how_the_last_one_went() {
    let mut world = World::new();
    world.options.max_refetches = 1;
    // On the second, when the loop has other things to do as well: in twenty rounds these come first in some.
    for _ in 0..20 {
        world
            .script
            .fetch_next("ada", Step::failing(Failure::Limited { retry_after: secs(40) }).after(secs(1)));
        world.send(&["ada", "bob"]).await;
        let running = world.start();
        let before = world.script.fetches().len();
        until("the refetch", || world.script.fetches().len() > before).await;
        pass(secs(30)).await;
        assert_eq!(world.script.fetches().len(), before + 1, "bob was not asked for in the pause");
        world.drained().await;
        running.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn records_fetched_before_the_outage_are_still_written() {
    let world = World::new();
    world.script.fetch_next("bob", Step::failing(upstream()));
    world.script.probe_always(Step::failing(transient("timeout")));
    world.script.apply_next(Step::taking(5));
    world.send(&["ada", "bob"]).await;
    let running = world.start();
    until("ada to be done", || world.queue.messages().len() == 1).await;
    assert_eq!(subjects(&world.queue.messages()[0]), "bob");
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn five_subjects_in_a_row_open_the_breaker_although_probes_are_answered() {
    let world = World::new();
    world.script.know_no_record();
    let subjects = ["ada", "bob", "cyd", "dan", "eve"];
    subjects.iter().for_each(|subject| world.script.fetch_always(subject, Step::failing(upstream())));
    let running = world.start();
    for (position, subject) in subjects.iter().enumerate() {
        world.send(&[subject]).await;
        until("its refetch", || world.script.fetches().len() > position).await;
    }
    let open = async || world.ledger.breaker("provider").await.unwrap() != BreakerView::Closed;
    let limit = tokio::time::Instant::now() + secs(2);
    while !open().await {
        assert!(tokio::time::Instant::now() < limit, "it never opened");
        pass(secs(1) / 100).await;
    }
    assert_eq!(world.dead_letters.messages(), []);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_refetch_keeps_a_pause_of_the_upstream_and_no_attempt_is_counted() {
    let world = World::new();
    world.script.fetch_next("ada", Step::failing(Failure::Limited { retry_after: secs(40) }));
    world.send(&["ada"]).await;
    let (running, other) = (world.start(), world.start());
    until("the refusal", || world.script.fetches().len() == 1).await;
    pass(secs(2)).await;
    world.send(&["bob", "cyd"]).await;
    pass(secs(36)).await;
    assert_eq!(
        (world.script.fetches().len(), world.script.probes().len()),
        (1, 0),
        "no call is made meanwhile"
    );
    assert_eq!(world.attempts("ada"), 0);
    world.drained().await;
    let fetches = world.script.fetches();
    assert!(fetches[1..].iter().all(|fetch| fetch.at - fetches[0].at >= secs(40)));
    running.stop().await.unwrap();
    other.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_that_was_prepared_before_the_pause_is_asked_for_in_it() {
    let world = World::new();
    world.script.fetch_next("ada", Step::failing(Failure::Limited { retry_after: secs(40) }).after(secs(2)));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the refetch", || world.script.fetches_of("ada") == 1).await;
    world.script.prepare_always(Step::taking(5));
    world.send(&["bob"]).await;
    pass(secs(30)).await;
    assert_eq!(world.script.fetches_of("bob"), 0);
    world.drained().await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_pause_without_end_is_a_long_one_and_no_panic() {
    let world = World::new();
    let retry_after = std::time::Duration::MAX;
    world.script.fetch_next("ada", Step::failing(Failure::Limited { retry_after }));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the refusal", || world.script.fetches().len() == 1).await;
    pass(secs(60)).await;
    assert!(running.liveness.since_turn() < secs(1));
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_apply_hears_of_is_kept_too() {
    let world = World::new();
    world.script.apply_next(Step::failing(Failure::Limited { retry_after: secs(40) }));
    world.script.fetch_always("ada", Step::with(Outcome::Applied));
    world.send(&["ada"]).await;
    let running = world.start();
    until("the refusal", || world.script.applies().len() == 1).await;
    pass(secs(35)).await;
    assert_eq!((world.script.fetches().len(), world.attempts("ada")), (1, 0));
    world.drained().await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn bad_records_hold_no_good_one_up_whatever_comes_first() {
    // A queue hands out the oldest message first. (bad ones before the good one, whether a good record is known)
    for (bad, known) in [(1, true), (8, true), (1, false), (4, false), (8, false), (40, false)] {
        let world = World::new();
        if !known {
            world.script.know_no_record();
        }
        for number in 0..bad {
            let subject = format!("bad{number}");
            world.script.fetch_always(&subject, Step::failing(rejected("invalid")));
            world.send(&[&subject]).await;
        }
        let running = world.start();
        let tried = |number: usize| world.script.fetches_of(&format!("bad{number}")) > 0;
        until("every bad one to be tried", || (0..bad).all(tried)).await;
        assert!(known || world.dead_letters.messages().is_empty(), "no evidence yet: {bad}");
        world.send(&["good"]).await;
        let sent_at = tokio::time::Instant::now();
        until("the good one", || !world.script.applies().is_empty()).await;
        assert!(sent_at.elapsed() < secs(65), "{bad} bad ones, {known}: {:?}", sent_at.elapsed());
        world.dead(bad).await;
        running.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_all_work_opens_the_breaker_of_this_worker_alone() {
    let world = World::new();
    world.script.know_no_record();
    let subjects = ["ada", "bob", "cyd", "dan", "eve", "fay"];
    subjects.iter().for_each(|subject| world.script.fetch_always(subject, Step::failing(rejected("field"))));
    world.send(&subjects).await;
    let running = world.start();
    until("six refusals", || world.script.fetches().len() >= 6).await;
    pass(secs(1)).await;
    let is_open = async |row| world.ledger.breaker(row).await.unwrap() != BreakerView::Closed;
    assert_eq!((is_open("provider (scripted)").await, is_open("provider").await), (true, false));
    pass(secs(3600)).await;
    assert_eq!(world.dead_letters.messages(), []);
    running.stop().await.unwrap();
}
