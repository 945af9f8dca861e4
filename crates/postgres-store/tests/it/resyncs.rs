//! The state of the resync jobs: budget, runs, cursors, and when a record was last read.

use std::time::Duration;

use postgres_store::{
    CursorMove, GatheredPage, ListingPlan, RequestLease, RequestLimits, ResyncRun, RunEnd, StaleCondition,
};
use uuid::Uuid;

use crate::SOURCE;
use crate::database::{Database, at, found, gone, open};
use crate::link_faults::blocked;

const DAY_SECS: i64 = 86_400;

async fn begin(database: &Database) -> ResyncRun {
    database.store.begin_resync_run(SOURCE, "listing", "", Some(DAY_SECS)).await.unwrap()
}

fn page(ids: &[&str], version: Option<i64>, cursor: Option<&str>) -> GatheredPage {
    GatheredPage {
        external_ids: ids.iter().map(|id| String::from(*id)).collect(),
        versions: vec![version.map(at); ids.len()],
        cursor: cursor.map(String::from),
        total: None,
        unproven: None,
    }
}

async fn left(database: &Database, run: Uuid, after: i64) -> Vec<String> {
    let items = database.store.next_resync_items(run, after, 100).await.unwrap();
    items.into_iter().map(|item| item.external_id).collect()
}

#[tokio::test]
async fn leases_follow_each_other_in_time_and_end_with_the_day_s_requests() {
    let database = Database::start().await;
    let limits = RequestLimits { per_second: 10, per_day: 25 };
    let lease =
        async |wanted, unused| database.store.lease_requests(SOURCE, limits, wanted, unused).await.unwrap();
    let first = lease(10, 0).await;
    assert_eq!((first.requests, first.begins_in < Duration::from_millis(50)), (10, true));
    let second = lease(10, 0).await;
    assert_eq!(second.requests, 10);
    assert!((Duration::from_millis(500)..=Duration::from_secs(1)).contains(&second.begins_in), "{second:?}");
    assert_eq!(lease(10, 0).await.requests, 5);
    assert_eq!(lease(10, 0).await.requests, 0);
    assert_eq!(lease(10, 3).await.requests, 3, "unused requests return to the budget");
    database
        .execute("update resync_budget set day = day - 1, next_request_at = now() - interval '1 hour'")
        .await;
    let tomorrow = lease(10, 0).await;
    assert_eq!(tomorrow, RequestLease { requests: 10, begins_in: Duration::ZERO });
}

#[tokio::test]
async fn pods_that_lease_at_once_get_no_request_twice() {
    let database = Database::start().await;
    let limits = RequestLimits { per_second: 0, per_day: 100 };
    let pods = (0..8).map(|_| {
        let store = database.store.clone();
        tokio::spawn(async move {
            let mut got = 0;
            loop {
                match store.lease_requests(SOURCE, limits, 7, 0).await.unwrap().requests {
                    0 => return got,
                    some => got += some,
                }
            }
        })
    });
    let mut all = 0;
    for pod in pods.collect::<Vec<_>>() {
        all += pod.await.unwrap();
    }
    assert_eq!(all, 100);
}

#[tokio::test]
async fn deletions_are_counted_by_day_and_only_of_records_that_are_there() {
    let database = Database::start().await;
    database.apply(&[found("a", "1", None, 1), found("b", "1", None, 2), found("c", "1", None, 3)]).await;
    database.apply(&[gone("c", None, 4)]).await;
    let allow = async |ids: &[&str], most| {
        let ids: Vec<String> = ids.iter().map(|id| String::from(*id)).collect();
        database.store.allow_deletions(SOURCE, &ids, most).await.unwrap()
    };
    assert!(allow(&["c", "stranger"], 0).await, "gone already, and never known");
    assert!(allow(&["a"], 1).await);
    assert!(!allow(&["b"], 1).await);
    assert!(allow(&["b"], 2).await);
    database.execute("update resync_budget set day = day - 1").await;
    assert!(allow(&["b"], 1).await, "another day");
}

#[tokio::test]
async fn an_interrupted_run_resumes_and_an_ended_one_starts_again() {
    let database = Database::start().await;
    let run = begin(&database).await;
    assert_eq!(
        database.store.gather_page(run.run_id, None, &page(&["a", "b"], None, Some("2"))).await.unwrap(),
        Some(2)
    );
    assert_eq!(
        database.store.gather_page(run.run_id, Some("2"), &page(&["b", "c"], None, Some("3"))).await.unwrap(),
        Some(1)
    );
    let again = begin(&database).await;
    assert_eq!((again.run_id, again.pages, again.cursor.as_deref()), (run.run_id, 2, Some("3")));
    let items = database.store.next_resync_items(run.run_id, 0, 2).await.unwrap();
    assert!(database.store.move_resync_run(run.run_id, items[1].position).await.unwrap());
    assert_eq!(left(&database, run.run_id, begin(&database).await.sent_through).await, ["c"]);
    assert!(!database.store.end_resync_run(run.run_id, &RunEnd::Nothing).await.unwrap(), "one is not sent");
    assert!(database.store.move_resync_run(run.run_id, i64::MAX).await.unwrap());
    assert!(database.store.end_resync_run(run.run_id, &RunEnd::Nothing).await.unwrap());
    assert_ne!(begin(&database).await.run_id, run.run_id);
    assert_eq!(database.count("select count(*) from resync_item").await, 0);
}

#[tokio::test]
async fn a_page_that_another_process_has_read_is_not_taken_for_one_that_brings_nothing_new() {
    let database = Database::start().await;
    let run = begin(&database).await.run_id;
    let first = page(&["a", "b"], None, Some("2"));
    assert_eq!(database.store.gather_page(run, None, &first).await.unwrap(), Some(2));
    assert_eq!(database.store.gather_page(run, None, &first).await.unwrap(), None);
    assert_eq!(begin(&database).await.pages, 1);
}

#[tokio::test]
async fn a_record_that_is_named_again_after_it_was_sent_is_sent_again() {
    let database = Database::start().await;
    let run = begin(&database).await.run_id;
    let named = page(&["a", "b"], None, None);
    assert_eq!(database.store.gather_page(run, None, &named).await.unwrap(), Some(2));
    let first = database.store.next_resync_items(run, 0, 1).await.unwrap()[0].position;
    assert!(database.store.move_resync_run(run, first).await.unwrap());
    assert_eq!(database.store.gather_page(run, None, &named).await.unwrap(), Some(1), "b still waits");
    assert_eq!(left(&database, run, first).await, ["b", "a"]);
}

#[tokio::test]
async fn the_age_of_a_run_counts_from_its_reading_however_often_the_guard_stops_it() {
    let database = Database::start().await;
    let run = begin(&database).await.run_id;
    assert!(database.store.end_resync_reading(run, None).await.unwrap());
    database.execute("update resync_run set read_at = read_at - interval '2 days', moved_at = moved_at - interval '2 days'").await;
    assert!(database.store.end_resync_reading(run, Some("doubt")).await.unwrap());
    assert_ne!(begin(&database).await.run_id, run, "a new run began");
}

#[tokio::test]
async fn each_step_of_a_deleted_run_reports_that_it_is_gone() {
    let database = Database::start().await;
    let run = begin(&database).await.run_id;
    database.store.drop_resync_run(SOURCE, "listing").await.unwrap();
    assert_eq!(database.store.gather_page(run, None, &page(&["a"], None, None)).await.unwrap(), None);
    assert!(!database.store.end_resync_reading(run, None).await.unwrap());
    assert!(!database.store.pass_listing(run, SOURCE, true, false).await.unwrap());
    assert!(!database.store.move_resync_run(run, 1).await.unwrap());
    assert!(!database.store.end_resync_run(run, &RunEnd::Nothing).await.unwrap());
}

#[tokio::test]
async fn a_run_without_progress_for_a_day_is_replaced() {
    let database = Database::start().await;
    let run = begin(&database).await.run_id;
    database.execute("update resync_run set moved_at = now() - interval '25 hours'").await;
    assert_ne!(begin(&database).await.run_id, run);
}

#[tokio::test]
async fn a_listing_is_compared_with_what_is_stored() {
    let database = Database::start().await;
    let readings = [
        found("same", "1", Some(1), 1),
        found("changed", "1", Some(1), 2),
        found("missing", "1", Some(1), 3),
        found("gone", "1", Some(1), 4),
        found("back", "1", Some(1), 5),
    ];
    database.apply(&readings).await;
    database.apply(&[gone("gone", None, 6), gone("back", None, 7)]).await;
    let run = begin(&database).await.run_id;
    database.store.gather_page(run, None, &page(&["same", "new", "back"], Some(1), None)).await.unwrap();
    database.store.gather_page(run, None, &page(&["changed"], Some(2), None)).await.unwrap();
    let plan = database.store.plan_listing(run, SOURCE).await.unwrap();
    assert_eq!(plan, ListingPlan { listed: 4, new: 2, changed: 1, missing: 1, stored: 3 });
    assert!(database.store.pass_listing(run, SOURCE, true, true).await.unwrap());
    assert_eq!(left(&database, run, 0).await, ["new", "back", "changed", "missing"]);
    assert!(!database.store.pass_listing(run, SOURCE, true, true).await.unwrap(), "it passed already");
}

#[tokio::test]
async fn the_least_recently_read_records_come_first() {
    let database = Database::start().await;
    let readings = ["a", "b", "c", "d", "e"].map(|id| found(id, "1", Some(1), 1));
    for (reading, ticket) in readings.into_iter().zip(1..) {
        database.apply(&[postgres_store::PersonReading { ticket, ..reading }]).await;
    }
    database.apply(&[gone("e", None, 9)]).await;
    database
        .execute("update source_record set read_at = now() - interval '3 days' where external_id = 'c'")
        .await;
    database.execute("update source_record set read_at = null where external_id = 'd'").await;
    database
        .execute(
            "update source_record set read_at = now() - interval '5 days' where external_id in ('b', 'e')",
        )
        .await;
    let run = begin(&database).await.run_id;
    let stale = async |condition, limit| {
        database.store.gather_stale(run, SOURCE, condition, 2 * DAY_SECS, limit).await.unwrap()
    };
    assert_eq!(stale(StaleCondition::Present, 2).await, 2);
    assert_eq!(left(&database, run, 0).await, ["d", "b"]);
    assert_eq!(stale(StaleCondition::Gone, 9).await, 1);
    assert_eq!(stale(StaleCondition::Any, 9).await, 1);
    assert_eq!(stale(StaleCondition::Unversioned, 9).await, 0);
}

#[tokio::test]
async fn a_read_is_recorded_once_a_day() {
    let database = Database::start().await;
    database.apply(&[found("a", "1", Some(1), 1)]).await;
    let due = async || {
        let ids = [String::from("a"), String::from("stranger")];
        let tickets = database.store.draw_refetch_tickets(SOURCE, &ids).await.unwrap();
        [tickets[0].read_is_due, tickets[1].read_is_due]
    };
    assert_eq!(due().await, [false, false], "what was written was read");
    database.execute("update source_record set read_at = now() - interval '25 hours'").await;
    assert_eq!(due().await, [true, false]);
    database.store.note_read(SOURCE, &[String::from("a")]).await.unwrap();
    assert_eq!(due().await, [false, false]);
    let before = database.row_versions().await;
    database.store.note_read(SOURCE, &[String::from("a")]).await.unwrap();
    assert_eq!(database.row_versions().await, before, "not twice a day");
}

#[tokio::test]
async fn a_cursor_moves_with_the_end_of_its_run() {
    let database = Database::start().await;
    assert_eq!(database.store.source_cursor(SOURCE, "user").await.unwrap(), None);
    let first = CursorMove { entity: "user", from: None, to: Some("1") };
    assert!(database.store.move_source_cursor(SOURCE, first).await.unwrap());
    let run = begin(&database).await.run_id;
    let end = RunEnd::MoveCursor { entity: "user", cursor: String::from("2") };
    assert!(database.store.end_resync_run(run, &end).await.unwrap());
    assert!(
        !database
            .store
            .end_resync_run(run, &RunEnd::MoveCursor { entity: "user", cursor: String::from("3") })
            .await
            .unwrap()
    );
    assert_eq!(database.store.source_cursor(SOURCE, "user").await.unwrap().as_deref(), Some("2"));
}

#[tokio::test]
async fn a_request_for_a_resync_is_served_by_a_run_that_began_after_it() {
    let database = Database::start().await;
    let cause = Uuid::now_v7();
    database.store.request_resync(SOURCE, cause).await.unwrap();
    let early = begin(&database).await.run_id;
    database.store.request_resync(SOURCE, cause).await.unwrap();
    assert!(database.store.end_resync_run(early, &RunEnd::ServeRequest).await.unwrap());
    assert!(database.store.resync_is_requested(SOURCE).await.unwrap(), "it was made again meanwhile");
    let late = begin(&database).await.run_id;
    assert!(database.store.end_resync_run(late, &RunEnd::ServeRequest).await.unwrap());
    assert!(!database.store.resync_is_requested(SOURCE).await.unwrap());
}

#[tokio::test]
async fn a_record_whose_last_reading_is_unknown_is_recorded_as_read() {
    let database = Database::start().await;
    database.apply(&[found("a", "1", Some(1), 1)]).await;
    database.execute("update source_record set read_at = null").await;
    database.store.note_read(SOURCE, &[String::from("a")]).await.unwrap();
    assert_eq!(database.count("select count(*) from source_record where read_at is not null").await, 1);
}

#[tokio::test]
async fn a_resumed_run_keeps_its_own_arguments() {
    let database = Database::start().await;
    let begin = async |arguments| {
        database.store.begin_resync_run(SOURCE, "listing", arguments, None).await.unwrap().arguments
    };
    assert_eq!(begin("--limit 5").await, "--limit 5");
    assert_eq!(begin("--limit 9").await, "--limit 5");
}

#[tokio::test]
async fn the_first_total_and_the_first_doubt_stay_to_the_end_of_a_listing() {
    let database = Database::start().await;
    let run = begin(&database).await.run_id;
    let pages = [(None, None, Some(10)), (Some("1"), Some("doubt"), Some(12)), (Some("2"), None, None)];
    for (number, (from, unproven, total)) in (1..).zip(pages) {
        let cursor = format!("{number}");
        let page = GatheredPage {
            total,
            unproven: unproven.map(String::from),
            ..page(&[cursor.as_str()], None, Some(&cursor))
        };
        assert_eq!(database.store.gather_page(run, from, &page).await.unwrap(), Some(1));
    }
    let listed = begin(&database).await;
    assert_eq!((listed.total, listed.unproven.as_deref()), (Some(10), Some("doubt")));
    assert!(database.store.end_resync_reading(run, None).await.unwrap());
    assert_eq!(begin(&database).await.unproven.as_deref(), Some("doubt"));
}

#[tokio::test]
async fn a_slower_process_moves_no_run_back() {
    let database = Database::start().await;
    let run = begin(&database).await.run_id;
    for sent_through in [5, 3] {
        assert!(database.store.move_resync_run(run, sent_through).await.unwrap());
        assert_eq!(begin(&database).await.sent_through, 5);
    }
}

#[tokio::test]
async fn a_run_to_which_another_process_is_adding_a_record_does_not_end() {
    let database = Database::start().await;
    let run = begin(&database).await.run_id;
    // The other process has added the record, and not committed yet.
    let mut other = database.pool.begin().await.unwrap();
    for step in [
        "update resync_run set pages = pages + 1",
        "insert into resync_item (run_id, external_id) select run_id, 'a' from resync_run",
    ] {
        sqlx::query(step).execute(&mut *other).await.unwrap();
    }
    let store = database.store.clone();
    let ending = tokio::spawn(async move { store.end_resync_run(run, &RunEnd::Nothing).await });
    blocked(&database, 1).await;
    other.commit().await.unwrap();
    assert!(!ending.await.unwrap().unwrap());
    assert_eq!(left(&database, run, 0).await, ["a"]);
}

#[tokio::test]
async fn a_page_that_names_a_record_twice_adds_it_once() {
    let database = Database::start().await;
    let run = begin(&database).await.run_id;
    let twice = page(&["b", "a", "b"], None, None);
    assert_eq!(database.store.gather_page(run, None, &twice).await.unwrap(), Some(2));
    assert_eq!(left(&database, run, 0).await, ["b", "a"]);
}

#[tokio::test]
async fn a_tombstone_is_not_among_the_records_without_a_version() {
    let database = Database::start().await;
    database.apply(&[found("a", "1", None, 1), found("b", "1", None, 2), found("c", "1", Some(1), 3)]).await;
    database.apply(&[gone("b", None, 4)]).await;
    let run = begin(&database).await.run_id;
    database.store.gather_stale(run, SOURCE, StaleCondition::Unversioned, 0, 9).await.unwrap();
    assert_eq!(left(&database, run, 0).await, ["a"]);
}

#[tokio::test]
async fn only_versions_of_a_listing_show_changes() {
    let database = Database::start().await;
    database.apply(&[found("without", "1", None, 1), found("with", "1", Some(1), 2)]).await;
    let run = begin(&database).await.run_id;
    let changed = async || database.store.plan_listing(run, SOURCE).await.unwrap().changed;
    database.store.gather_page(run, None, &page(&["with"], None, None)).await.unwrap();
    assert_eq!(changed().await, 0, "the listing gives no version");
    database.store.gather_page(run, None, &page(&["without"], Some(1), None)).await.unwrap();
    assert_eq!(changed().await, 1, "the stored record has no version yet");
}

#[tokio::test]
async fn time_without_requests_is_not_made_up_for() {
    let database = Database::start().await;
    let limits = RequestLimits { per_second: 10, per_day: 0 };
    let lease = async || database.store.lease_requests(SOURCE, limits, 10, 0).await.unwrap().begins_in;
    lease().await;
    database.execute("update resync_budget set next_request_at = now() - interval '1 hour'").await;
    assert_eq!(lease().await, Duration::ZERO);
    let second = lease().await;
    assert!((Duration::from_millis(500)..=Duration::from_secs(1)).contains(&second), "{second:?}");
}

#[tokio::test]
async fn the_budget_also_holds_on_the_days_after_the_first() {
    let database = Database::start().await;
    let limits = RequestLimits { per_second: 0, per_day: 15 };
    let lease = async || database.store.lease_requests(SOURCE, limits, 10, 0).await.unwrap().requests;
    for day in 1..=2 {
        assert_eq!([lease().await, lease().await, lease().await], [10, 5, 0], "day {day}");
        database.execute("update resync_budget set day = day - 1").await;
    }
}

/// At any time, at least one of the two zones has another day than UTC.
#[tokio::test]
async fn a_day_of_the_budget_is_a_day_of_utc() {
    let database = Database::start().await;
    for zone in ["Pacific/Kiritimati", "Etc/GMT+12"] {
        let set = format!(
            "do $$ begin execute format('alter database %I set timezone = %L', current_database(), '{zone}'); end $$"
        );
        database.execute(&set).await;
        let store = open(&database.url);
        let limits = RequestLimits { per_second: 0, per_day: 0 };
        store.lease_requests(SOURCE, limits, 1, 0).await.unwrap();
        let day = "select (day = (now() at time zone 'utc')::date)::text from resync_budget";
        assert_eq!(database.texts(day).await, ["true"], "{zone}");
    }
}
