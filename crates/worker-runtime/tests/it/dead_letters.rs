//! A message is dead-lettered before it is deleted, or it stays in its queue.

use sqs_queue::{CallFailure, EntryError, Operation, OutgoingMessage, Queue};
use worker_runtime::{Failure, REDRIVE_MARK, RedriveEnd};

use crate::script::{Step, event, rejected};
use crate::world::{VISIBILITY, World, secs, until};

#[tokio::test(start_paused = true)]
async fn a_message_stays_and_is_tried_again_soon_if_it_cannot_be_dead_lettered() {
    let world = World::new();
    world.send(&["!"]).await;
    world.dead_letters.fail_next_calls(Operation::Send, 3, CallFailure::Broken);
    let running = world.start();
    until("the sends to fail", || world.dead_letters.calls(Operation::Send) == 3).await;
    let failed_at = tokio::time::Instant::now();
    assert_eq!(world.queue.messages().len(), 1);
    world.dead(1).await;
    assert!(failed_at.elapsed() < VISIBILITY / 2, "{:?}", failed_at.elapsed());
    world.drained().await;
    assert_eq!(running.stop().await.unwrap().dead_lettered, 1);
}

#[tokio::test(start_paused = true)]
async fn only_the_failed_entries_of_a_dead_letter_batch_are_sent_again() {
    let world = World::new();
    world.send(&["!", "!", "!"]).await;
    let unavailable = EntryError::Unavailable { code: String::from("InternalError") };
    world.dead_letters.fail_next_entries(Operation::Send, [1], &unavailable);
    let report = world.handle_all().await;
    assert_eq!((report.dead_lettered, world.dead_letters.messages().len()), (3, 3));
    assert_eq!(world.dead_letters.calls(Operation::Send), 2);
}

#[tokio::test(start_paused = true)]
async fn a_message_stays_if_the_dead_letter_queue_refuses_it() {
    let world = World::new();
    world.send(&["!", "!"]).await;
    let refused = EntryError::Refused { code: String::from("AccessDenied") };
    world.dead_letters.fail_next_entries(Operation::Send, [0], &refused);
    let running = world.start();
    until("one to die", || world.dead_letters.messages().len() == 1).await;
    assert_eq!(world.queue.messages().len(), 1);
    world.drained().await;
    assert_eq!(world.dead_letters.messages().len(), 2, "the other when it came back");
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn large_dead_lettered_messages_are_sent_in_calls_that_sqs_accepts() {
    let world = World::new();
    let body = "x".repeat(400 * 1024);
    world.script.fetch_always(&body, Step::failing(rejected("invalid")));
    world.send(&[&body, &body, &body]).await;
    // With its attributes, this one is larger than a message may be.
    let largest = "y".repeat(1024 * 1024 - event("").len());
    world.script.fetch_always(&largest, Step::failing(rejected("invalid")));
    world.send(&[&largest]).await;
    let report = world.handle_all().await;
    assert_eq!((report.dead_lettered, report.outcomes["failed"]), (4, 8), "each at its second attempt");
    assert_eq!(world.dead(4).await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn characters_that_sqs_or_postgres_refuses_are_removed_from_a_detail() {
    let world = World::new();
    let detail = format!("nul \0 escape \u{1b} noncharacter \u{fffe} {}", "long ".repeat(1000));
    world.script.fetch_always(
        "bad",
        Step::failing(Failure::Rejected { class: "invalid", detail, names_record: true }),
    );
    world.send(&["bad"]).await;
    let message_id = world.message("bad").message_id;
    world.handle_all().await;
    let dead = world.dead(1).await.remove(0);
    let sent = &dead.attributes["coppice.detail"];
    let recorded = &world.ledger.failures(&message_id)[0].detail;
    assert!(sent.starts_with("nul   escape   noncharacter   long") && sent.len() < 1100, "{sent}");
    assert!(sent.starts_with(recorded.trim_end()), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_dead_letters_a_message_twice_rather_than_never() {
    let world = World::new();
    world.send(&["!"]).await;
    world.dead_letters.lose_next_reply(Operation::Send);
    world.handle_all().await;
    assert_eq!(world.dead_letters.messages().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_redriven_message_is_handled_like_any_other() {
    let world = World::new();
    for _ in 0..2 {
        world.script.fetch_next("ada", Step::failing(rejected("invalid")));
    }
    world.send(&["ada"]).await;
    let running = world.start();
    let dead = world.dead(1).await.remove(0);
    let again = OutgoingMessage { body: dead.body, attributes: dead.attributes };
    world.queue.send(&[again]).await.unwrap();
    until("the redrive", || world.script.applies().len() == 1).await;
    world.drained().await;
    assert!(running.liveness.since_turn() < secs(1));
    running.stop().await.unwrap();
}

/// The plan that redrove a message must learn its end, and recognise it when it is dead-lettered again.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_redriven_message_is_noted_and_its_mark_is_kept() {
    let world = World::new();
    for (body, mark) in [("ada", "good"), ("!", "bad")] {
        let attributes = [(REDRIVE_MARK.to_owned(), mark.to_owned())].into();
        let message = OutgoingMessage { body: event(body), attributes };
        assert_eq!(world.queue.send(&[message]).await.unwrap(), [Ok(())]);
    }
    world.send(&["bob"]).await;
    world.handle_all().await;
    assert_eq!(world.ledger.redriven("good"), Some(RedriveEnd::Handled));
    assert_eq!(world.ledger.redriven("bad"), Some(RedriveEnd::Dead));
    let dead = world.dead(1).await;
    assert_eq!(dead[0].attributes[REDRIVE_MARK], "bad");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_event_is_refused_as_unreadable_and_no_handler_sees_it() {
    let world = World::new();
    for body in ["ada", "{}"] {
        let message = OutgoingMessage { body: body.to_owned(), ..OutgoingMessage::default() };
        assert_eq!(world.queue.send(&[message]).await.unwrap(), [Ok(())]);
    }
    let report = world.handle_all().await;
    assert_eq!((report.dead_lettered, report.outcomes["refused"]), (2, 2));
    for (dead, category) in world.dead(2).await.iter().zip(["syntax", "data"]) {
        assert_eq!(dead.attributes["coppice.class"], "unreadable");
        let detail = &dead.attributes["coppice.detail"];
        assert!(
            detail.starts_with(&format!("not an EventBridge event: {category} error at line 1")),
            "{detail}"
        );
    }
    assert!(world.script.fetches().is_empty());
}
