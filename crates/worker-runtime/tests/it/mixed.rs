//! A stream in which every fifth record is bad for good, in each of the ways in which a record can be bad.

use std::time::Duration;

use tokio::time::Instant;
use worker_runtime::Failure;

use crate::script::{Step, rejected, subjects, transient, upstream};
use crate::world::{World, pass, secs, until};

const HEALTHY: usize = 400;

/// How long the upstream takes for a record.
const TAKES: Duration = Duration::from_millis(40);

/// The ways to be bad, each with the class of its dead-lettered messages.
fn bad_ways() -> [(Step, &'static str); 6] {
    let named = Failure::Rejected { class: "named", detail: String::from("code"), names_record: true };
    [
        (Step::failing(rejected("refused")), "refused"),
        (Step::failing(named), "named"),
        (Step::failing(rejected("malformed")), "malformed"),
        (Step::failing(upstream()), "http_500"),
        (Step::failing(transient("stale_read")), "stale_read"),
        (Step::panicking(), "panic"),
    ]
}

fn healthy(number: usize) -> String {
    format!("good{number:03}")
}

/// A world whose healthy records take their time, and its bad ones, each with the class that it must be dead-lettered with.
fn world(known: bool, bad: usize) -> (World, Vec<(String, &'static str)>) {
    let world = World::new();
    if !known {
        world.script.know_no_record();
    }
    (0..HEALTHY).for_each(|number| world.script.fetch_always(&healthy(number), Step::well().after(TAKES)));
    let ways = bad_ways();
    let bad = (0..bad).map(|number| {
        let (step, class) = &ways[number % ways.len()];
        let subject = format!("bad{number:03}");
        world.script.fetch_always(&subject, step.clone().after(TAKES));
        (subject, *class)
    });
    let bad = bad.collect();
    (world, bad)
}

async fn healthy_are_done(world: &World) {
    let done = || {
        let applies = world.script.applies();
        applies.iter().flatten().filter(|subject| subject.starts_with("good")).count() >= HEALTHY
    };
    until("every healthy record", done).await;
}

async fn only_these_are_dead(world: &World, bad: &[(String, &'static str)]) {
    let mut dead: Vec<(String, String)> = world
        .dead(bad.len())
        .await
        .iter()
        .map(|message| (subjects(message).to_owned(), message.attributes["coppice.class"].clone()))
        .collect();
    dead.sort();
    let expected: Vec<(String, String)> =
        bad.iter().map(|(subject, class)| (subject.clone(), (*class).to_owned())).collect();
    assert_eq!(dead, expected, "each with its own reason, and nothing else");
}

/// The time until every healthy record is written.
async fn time_with(known: bool, bad: usize) -> Duration {
    let (world, bad) = world(known, bad);
    for number in 0..HEALTHY {
        world.send(&[&healthy(number)]).await;
        if number % 4 == 0
            && let Some((subject, _)) = bad.get(number / 4)
        {
            world.send(&[subject]).await;
        }
    }
    let begun = Instant::now();
    let running = world.start();
    healthy_are_done(&world).await;
    let taken = begun.elapsed();
    // The stream goes on: its records are the witnesses.
    while world.dead_letters.messages().len() < bad.len() {
        world.send(&["later"]).await;
        pass(secs(1)).await;
    }
    only_these_are_dead(&world, &bad).await;
    running.stop().await.unwrap();
    taken
}

#[tokio::test(start_paused = true)]
async fn healthy_records_are_at_most_twice_as_slow_among_a_fifth_of_bad_ones() {
    for known in [true, false] {
        let (alone, mixed) = (time_with(known, 0).await, time_with(known, HEALTHY / 4).await);
        assert!(mixed <= alone * 2, "a good record is known: {known}; {mixed:?} instead of {alone:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_record_every_second_slows_no_healthy_one() {
    for known in [true, false] {
        let (world, bad) = world(known, 60);
        let running = world.start();
        for (number, (subject, _)) in bad.iter().enumerate() {
            world.send(&[subject]).await;
            pass(secs(1) / 2).await;
            let good = healthy(number);
            world.send(&[&good]).await;
            let sent_at = Instant::now();
            until("the healthy record", || world.script.applies().iter().flatten().any(|one| *one == good))
                .await;
            assert!(sent_at.elapsed() < secs(2), "{good}, known: {known}: {:?}", sent_at.elapsed());
            pass(secs(1) / 2).await;
        }
        while world.dead_letters.messages().len() < bad.len() {
            world.send(&["later"]).await;
            pass(secs(1)).await;
        }
        only_these_are_dead(&world, &bad).await;
        running.stop().await.unwrap();
    }
}
