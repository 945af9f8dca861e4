//! Tests of the intake.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use event_contract::{Hop, TraceContext};
use sqs_queue::Receipt;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::*;
use crate::handler::Removed;

const START: OffsetDateTime = datetime!(2026-11-23 10:00 UTC);
const DONE: Verdict = Verdict::Done(Outcome::Applied);

/// A message that was received just now.
pub(crate) fn in_flight(message_id: &str) -> InFlight {
    sent_at(message_id, START)
}

/// A run of one subject.
pub(crate) fn run(subject: &'static str) -> Run<&'static str> {
    let cause = Cause { event_id: Uuid::nil(), hop: Hop::OUTSIDE, trace: trace() };
    let refetch = Refetch { subject, not_before: None, removed: Removed::No, cause, sent_at: START };
    Run { id: 1, started_at: Instant::now(), went_through: false, refetch }
}

/// The same each time, so that runs can be compared.
fn trace() -> TraceContext {
    static TRACE: LazyLock<TraceContext> = LazyLock::new(TraceContext::start);
    *TRACE
}

fn sent_at(message_id: &str, sent_at: OffsetDateTime) -> InFlight {
    InFlight::new(
        ReceivedMessage {
            message_id: message_id.to_owned(),
            receipt: Receipt(String::new()),
            body: String::new(),
            receive_count: 1,
            sent_at,
            attributes: BTreeMap::new(),
        },
        std::time::Duration::from_secs(60),
        None,
    )
}

fn reading(subjects: &[&'static str], not_before: OffsetDateTime) -> Reading<&'static str> {
    let demand =
        |subject: &&'static str| Demand { subject: *subject, not_before: Some(not_before), removed: false };
    let cause = Cause { event_id: Uuid::nil(), hop: Hop::OUTSIDE, trace: TraceContext::start() };
    Reading { cause, demands: subjects.iter().map(demand).collect() }
}

fn ids(ended: &[(InFlight, Verdict)]) -> Vec<&str> {
    ended.iter().map(|(message, _)| message.message.message_id.as_str()).collect()
}

#[test]
fn messages_that_wait_for_one_subject_are_one_run_with_the_highest_bound() {
    let mut intake = Intake::new();
    assert!(!intake.admit(in_flight("1"), reading(&["ada"], START + Duration::seconds(9))));
    assert!(intake.admit(in_flight("2"), reading(&["ada"], START)));
    let runs = intake.start(10);
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].refetch.not_before, Some(START + Duration::seconds(9)));
    assert_eq!(ids(&intake.finish(&"ada", runs[0].id, &DONE)), ["1", "2"]);
    assert!(intake.is_empty());
}

#[test]
fn a_message_is_coalesced_if_another_message_waits_for_one_of_its_subjects() {
    let mut intake = Intake::new();
    assert!(!intake.admit(in_flight("1"), reading(&["ada", "bob", "ada"], START)), "it names ada twice");
    assert!(intake.admit(in_flight("2"), reading(&["cyd", "ada"], START)));
    assert!(!intake.admit(in_flight("3"), reading(&["dan"], START)));
    intake.start(10);
    assert!(!intake.admit(in_flight("4"), reading(&["ada"], START)), "ada's refetch runs already");
}

#[test]
fn as_many_runs_start_as_allowed_and_those_that_came_first_start_first() {
    let mut intake = Intake::new();
    intake.admit(in_flight("1"), reading(&["ada", "bob"], START));
    intake.admit(in_flight("2"), reading(&["cyd"], START));
    assert_eq!(intake.len(), 2);
    let mut subjects =
        |limit| -> Vec<&str> { intake.start(limit).iter().map(|run| run.refetch.subject).collect() };
    assert_eq!(subjects(0), [""; 0]);
    assert_eq!(subjects(2), ["ada", "bob"]);
    assert_eq!(subjects(2), ["cyd"]);
}

#[test]
fn a_run_runs_until_it_is_finished_or_its_last_message_is_lost() {
    let mut intake = Intake::new();
    for (id, subject) in [("1", "ada"), ("2", "bob")] {
        intake.admit(in_flight(id), reading(&[subject], START));
    }
    let runs = intake.start(10);
    assert!(runs.iter().all(|run| intake.is_running(run)));
    let another = Run { id: runs[0].id + 9, ..runs[0].clone() };
    assert!(!intake.is_running(&another), "an earlier run of the subject");
    intake.finish(&"ada", runs[0].id, &DONE);
    let key = intake.in_flight_mut().next().unwrap().0;
    intake.lose(key);
    assert!(!runs.iter().any(|run| intake.is_running(run)));
}

#[test]
fn a_refetch_is_as_old_as_the_latest_of_its_messages() {
    let mut intake = Intake::new();
    for (id, sent) in [("1", 0), ("2", 9), ("3", 5)] {
        intake.admit(sent_at(id, START + Duration::seconds(sent)), reading(&["ada"], START));
    }
    let mut refetch = intake.start(10).remove(0).refetch;
    assert_eq!(refetch.sent_at, START + Duration::seconds(9));
    refetch.sent_at = OffsetDateTime::now_utc() - Duration::minutes(1);
    assert_eq!(refetch.age().as_secs(), 60);
    refetch.sent_at = OffsetDateTime::now_utc() + Duration::minutes(1);
    assert_eq!(refetch.age(), std::time::Duration::ZERO, "the queue's clock may be ahead");
}

#[test]
fn whether_a_record_was_removed_is_for_the_newest_event_to_say() {
    // (removed at, created at, in which order they come) → removed
    let second = Duration::SECOND;
    for (removed_at, created_at, expected) in [
        (START, START + second, Removed::No),
        (START + second, START, Removed::Yes),
        (START, START, Removed::Yes),
    ] {
        for removed_first in [true, false] {
            let mut intake = Intake::new();
            let mut events = [(removed_at, true), (created_at, false)];
            if !removed_first {
                events.reverse();
            }
            for (at, removed) in events {
                let mut reading = reading(&["ada"], at);
                reading.demands[0].removed = removed;
                intake.admit(in_flight("1"), reading);
            }
            assert_eq!(intake.start(1)[0].refetch.removed, expected, "{removed_at} {created_at}");
        }
    }
}

#[test]
fn of_an_event_without_a_time_it_is_not_known_whether_it_is_the_newest() {
    let (early, late) = (Some(START), Some(START + Duration::SECOND));
    type Times<'a> = &'a [Option<OffsetDateTime>];
    // (times of the events that say removed, times of those that do not, verdict)
    let table: [(Times<'_>, Times<'_>, Removed); 9] = [
        (&[None], &[], Removed::Yes),
        (&[], &[None], Removed::No),
        (&[None], &[None], Removed::Perhaps),
        (&[None], &[early], Removed::Perhaps),
        (&[early], &[None], Removed::Perhaps),
        (&[None], &[early, late], Removed::Perhaps),
        (&[None, late], &[early], Removed::Yes),
        (&[early], &[None, late], Removed::No),
        (&[early, late], &[early, None], Removed::Perhaps),
    ];
    for (removed, present, expected) in table {
        let events = removed.iter().map(|at| (true, *at)).chain(present.iter().map(|at| (false, *at)));
        let mut events: Vec<(bool, Option<OffsetDateTime>)> = events.collect();
        for _ in 0..2 {
            events.reverse();
            let mut intake = Intake::new();
            for (second, (removed, not_before)) in (0..).zip(&events) {
                let mut reading = reading(&["ada"], START);
                (reading.demands[0].removed, reading.demands[0].not_before) = (*removed, *not_before);
                intake.admit(sent_at("1", START + Duration::seconds(second)), reading);
            }
            assert_eq!(intake.start(1)[0].refetch.removed, expected, "{removed:?} {present:?}");
        }
    }
}

#[test]
fn of_events_of_one_moment_any_may_tell_of_a_removal() {
    for (first, second) in [(true, false), (false, true), (true, true), (false, false)] {
        let mut intake = Intake::new();
        for (id, removed) in [("1", first), ("2", second)] {
            let mut reading = reading(&["ada"], START);
            reading.demands[0].removed = removed;
            intake.admit(in_flight(id), reading);
        }
        let expected = if first || second { Removed::Yes } else { Removed::No };
        assert_eq!(intake.start(1)[0].refetch.removed, expected, "{first} {second}");
    }
}

#[test]
fn a_message_that_coalesces_still_waits_for_its_other_subjects() {
    let mut intake = Intake::new();
    intake.admit(in_flight("1"), reading(&["ada"], START));
    intake.admit(in_flight("2"), reading(&["bob", "ada"], START));
    let runs = intake.start(10);
    assert!(intake.finish(&"bob", runs[1].id, &DONE).is_empty());
    assert_eq!(ids(&intake.finish(&"ada", runs[0].id, &DONE)), ["1", "2"]);
}

#[test]
fn nothing_is_kept_of_a_subject_whose_messages_have_all_ended() {
    type End = fn(&mut Intake<&'static str>, Key);
    let (finish, lose, end_waiting): (End, End, End) = (
        |intake, _| {
            let run = intake.start(1).remove(0);
            intake.finish(&"ada", run.id, &DONE);
        },
        |intake, key| {
            intake.lose(key);
        },
        |intake, _| {
            intake.end_waiting(&Verdict::Released);
        },
    );
    for (name, end) in [("finished", finish), ("lost", lose), ("never started", end_waiting)] {
        let mut intake = Intake::new();
        intake.admit(in_flight("1"), reading(&["ada"], START));
        let key = intake.in_flight_mut().next().unwrap().0;
        end(&mut intake, key);
        assert!(intake.is_empty() && intake.work.is_empty() && intake.ready.is_empty(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_ours_until_the_last_end_of_its_visibility_that_sqs_confirmed() {
    let mut intake = Intake::new();
    intake.admit(in_flight("1"), reading(&["ada"], START));
    let key = intake.in_flight_mut().next().unwrap().0;
    let end = Instant::now() + std::time::Duration::from_secs(60);
    let moment = std::time::Duration::from_millis(1);
    assert_eq!((intake.expired(end - moment), intake.expired(end)), (vec![], vec![key]));
    intake.extend(key, end + moment);
    assert_eq!((intake.expired(end), intake.expired(end + moment)), (vec![], vec![key]));
}

#[test]
fn a_message_never_coalesces_into_a_running_refetch() {
    let mut intake = Intake::new();
    intake.admit(in_flight("1"), reading(&["ada"], START));
    let first = intake.start(10).remove(0);
    intake.admit(in_flight("2"), reading(&["ada"], START));
    assert_eq!(intake.start(10), [], "one run a subject at a time");
    assert_eq!(ids(&intake.finish(&"ada", first.id, &DONE)), ["1"]);
    let second = intake.start(10).remove(0);
    assert_eq!(ids(&intake.finish(&"ada", second.id, &DONE)), ["2"]);
}

#[test]
fn a_message_with_several_subjects_ends_with_the_last_and_as_the_worst() {
    let mut intake = Intake::new();
    intake.admit(in_flight("1"), reading(&["ada", "bob", "ada"], START));
    let runs = intake.start(10);
    assert_eq!(runs.len(), 2);
    let failed =
        Verdict::Failed(Failure::Rejected { class: "invalid", detail: String::new(), names_record: false });
    assert!(intake.finish(&"ada", runs[0].id, &failed).is_empty());
    let ended = intake.finish(&"bob", runs[1].id, &DONE);
    assert_eq!(ended[0].1, failed);
}

#[test]
fn a_message_is_not_dead_lettered_while_another_of_its_subjects_is_undone() {
    let dead =
        Verdict::Failed(Failure::Rejected { class: "invalid", detail: String::new(), names_record: false });
    let outage = Verdict::Outage { retry_after: std::time::Duration::ZERO };
    for undone in [Verdict::Released, outage, Verdict::Done(Outcome::Snooze(std::time::Duration::ZERO))] {
        let mut intake = Intake::new();
        intake.admit(in_flight("1"), reading(&["ada", "bob"], START));
        let runs = intake.start(10);
        assert!(intake.finish(&"ada", runs[0].id, &dead).is_empty());
        assert_eq!(intake.finish(&"bob", runs[1].id, &undone)[0].1, undone);
    }
}

#[test]
fn a_lost_message_ends_its_run_and_the_late_result_counts_for_no_message() {
    let mut intake = Intake::new();
    intake.admit(in_flight("1"), reading(&["ada"], START));
    let run = intake.start(10).remove(0);
    let key = intake.in_flight_mut().next().unwrap().0;
    intake.admit(in_flight("2"), reading(&["ada"], START));
    let (_, orphaned) = intake.lose(key).unwrap();
    assert_eq!(orphaned, ["ada"]);
    let next = intake.start(10).remove(0);
    assert!(intake.finish(&"ada", run.id, &DONE).is_empty(), "its result is older than message 2");
    assert_eq!(ids(&intake.finish(&"ada", next.id, &DONE)), ["2"]);
}

#[test]
fn waiting_messages_can_end_while_refetches_run() {
    let mut intake = Intake::new();
    intake.admit(in_flight("1"), reading(&["ada"], START));
    let run = intake.start(1).remove(0);
    intake.admit(in_flight("2"), reading(&["bob"], START));
    intake.admit(in_flight("3"), reading(&["ada"], START));
    let mut back = intake.end_waiting(&Verdict::Released);
    back.sort_by(|a, b| a.0.message.message_id.cmp(&b.0.message.message_id));
    assert_eq!(ids(&back), ["2", "3"]);
    assert_eq!(intake.start(10), []);
    assert_eq!(ids(&intake.finish(&"ada", run.id, &DONE)), ["1"]);
    assert!(intake.is_empty());
}
