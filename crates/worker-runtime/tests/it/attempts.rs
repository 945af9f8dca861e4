//! What counts as a failed attempt at a message, and what does not.

use worker_runtime::{Failure, Outcome};

use crate::script::{Step, rejected, subjects, transient, upstream};
use crate::world::{World, pass, secs, until};

#[tokio::test(start_paused = true)]
async fn a_message_that_fails_too_often_is_dead_with_all_that_is_known_of_it() {
    let world = World::new();
    world.script.fetch_always("ada", Step::failing(transient("stale_read")));
    world.send(&["ada"]).await;
    let message = world.message("ada");
    let report = world.handle_all().await;
    assert_eq!((report.dead_lettered, report.outcomes["failed"]), (1, 5));
    let dead = world.dead(1).await.remove(0);
    assert_eq!(subjects(&dead), "ada");
    let value = |name: &str| dead.attributes[name].as_str();
    assert_eq!(value("coppice.class"), "stale_read");
    assert_eq!(value("coppice.detail"), "as scripted; other records went the same way 4 times meanwhile");
    assert_eq!(value("coppice.worker"), "scripted");
    assert_eq!(value("coppice.worker_version"), "7.0.0");
    assert_eq!(value("coppice.attempts"), "5");
    assert_eq!(value("coppice.receive_count"), "5");
    assert_eq!(value("coppice.message_id"), message.message_id);
    assert!(dead.attributes.contains_key("coppice.sent_at"));
    assert!(dead.attributes.contains_key("coppice.first_failed_at"));
}

#[tokio::test(start_paused = true)]
async fn the_receive_count_alone_kills_nothing() {
    let world = World::new();
    world.send(&["ada"]).await;
    for _ in 0..20 {
        world.queue.lose_next_receive_reply();
    }
    let report = world.handle_all().await;
    assert_eq!((report.outcomes["applied"], report.dead_lettered), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failed_message_comes_back_by_its_own_wait_and_not_by_the_visibility() {
    let world = World::new();
    world.script.fetch_next("ada", Step::failing(transient("stale_read")));
    world.send(&["ada"]).await;
    world.handle_all().await;
    let fetches = world.script.fetches();
    let wait = fetches[1].at - fetches[0].at;
    assert!(wait >= secs(1) && wait < secs(4), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn the_upstream_s_own_time_for_a_retry_is_kept() {
    let world = World::new();
    let detail = String::new();
    let failure = Failure::Transient { class: "stale_read", detail, retry_after: Some(secs(12)) };
    world.script.fetch_next("ada", Step::failing(failure));
    world.send(&["ada"]).await;
    world.handle_all().await;
    let fetches = world.script.fetches();
    assert!(fetches[1].at - fetches[0].at >= secs(12));
}

#[tokio::test(start_paused = true)]
async fn success_forgets_the_failures_before_it_and_a_snooze_does_not() {
    let world = World::new();
    world.script.fetch_next("ada", Step::failing(transient("stale_read")));
    world.script.fetch_next("ada", Step::with(Outcome::Snooze(secs(5))));
    world.script.fetch_next("ada", Step::taking(5));
    world.send(&["ada"]).await;
    let message_id = world.message("ada").message_id;
    let running = world.start();
    until("the third look", || world.script.fetches_of("ada") == 3).await;
    assert_eq!(world.ledger.failures(&message_id).len(), 1, "after the snooze");
    world.drained().await;
    until("it to be forgotten", || world.ledger.failures(&message_id).is_empty()).await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_dead_lettered_at_once_and_what_is_refused_when_it_is_refused_again() {
    let world = World::new();
    world.script.fetch_always("bad", Step::failing(rejected("invalid")));
    world.send(&["bad", "!"]).await;
    let report = world.handle_all().await;
    assert_eq!(report.dead_lettered, 2);
    assert_eq!(world.script.fetches_of("bad"), 2);
    let mut classes: Vec<String> =
        world.dead(2).await.iter().map(|dead| dead.attributes["coppice.class"].clone()).collect();
    classes.sort();
    assert_eq!(classes, ["invalid", "unreadable"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_counts_for_its_message_if_the_probe_succeeds() {
    let world = World::new();
    world.script.fetch_always("odd", Step::failing(upstream()));
    world.send(&["odd"]).await;
    let report = world.handle_all().await;
    assert_eq!((report.outcomes["failed"], report.dead_lettered), (5, 1));
    assert_eq!(world.script.probes().len(), 5, "it was asked each time");
}

#[tokio::test(start_paused = true)]
async fn a_dead_subject_does_not_take_an_unfinished_one_with_it() {
    let world = World::new();
    world.script.fetch_always("bad", Step::failing(rejected("invalid")));
    world.script.fetch_next("ada", Step::with(Outcome::Snooze(secs(3))));
    world.send(&["bad ada"]).await;
    let running = world.start();
    until("both to be tried", || world.script.fetches().len() == 2).await;
    pass(secs(1)).await;
    assert_eq!(world.dead_letters.messages(), []);
    world.dead(1).await;
    assert!(world.script.applies().len() >= 2, "ada was written before the message died");
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_record_without_a_witness_waits_and_dies_when_another_has_gone_the_same_way() {
    let world = World::new();
    world.script.know_no_record();
    world.script.fetch_always("bad", Step::failing(rejected("invalid")));
    world.send(&["bad"]).await;
    let running = world.start();
    until("many tries", || world.script.fetches_of("bad") >= 10).await;
    assert_eq!(world.dead_letters.messages(), []);
    world.send(&["ada"]).await;
    let dead = world.dead(1).await.remove(0);
    let detail = &dead.attributes["coppice.detail"];
    assert_eq!(detail, "as scripted; another record went the same way meanwhile");
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_names_the_record_needs_no_witness_unless_other_records_are_refused_too() {
    let world = World::new();
    world.script.know_no_record();
    let named = || {
        let detail = String::from("as scripted");
        Step::failing(Failure::Rejected { class: "invalid", detail, names_record: true })
    };
    world.script.fetch_always("bad", named());
    world.send(&["bad"]).await;
    world.handle_all().await;
    assert_eq!(world.dead(1).await[0].attributes["coppice.attempts"], "2");
    let all = ["a", "b", "c", "d", "e", "f"];
    all.iter().for_each(|subject| world.script.fetch_always(subject, named()));
    world.send(&all).await;
    let running = world.start();
    pass(secs(600)).await;
    assert_eq!(
        world.dead_letters.messages().len(),
        1,
        "all of them are refused: the records are not the cause"
    );
    running.stop().await.unwrap();
}
