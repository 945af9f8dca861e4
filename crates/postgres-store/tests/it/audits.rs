//! What an audit reads: a fair sample, recent changes and stored values; and the row that it writes.

use std::collections::BTreeSet;
use std::time::Duration;

use postgres_store::{AuditResult, StoredRecord};

use crate::database::{Database, at, found, gone};
use crate::{CRM, SOURCE};

const RECORDS: usize = 2000;
const DAY: Duration = Duration::from_secs(86_400);

async fn with_records() -> Database {
    let database = Database::start().await;
    let all: Vec<_> =
        (0..RECORDS).map(|n| found(&format!("id-{n:05}"), &n.to_string(), Some(1), 1)).collect();
    for batch in all.chunks(500) {
        database.apply(batch).await;
    }
    let other = [found("of-another-source", "x", None, 1)];
    database.store.apply_person_readings(CRM, &other).await.unwrap();
    database.execute("vacuum analyze source_record").await;
    database
}

/// Evenly spaced, so that the test is repeatable.
fn starts(count: i64) -> impl Iterator<Item = i64> {
    (0..count).map(move |n| i64::MIN.wrapping_add((i64::MAX / count * 2).wrapping_mul(n)))
}

#[tokio::test]
async fn a_sample_has_distinct_records_of_the_source_independent_of_their_age() {
    let database = with_records().await;
    let mut of_the_older_half = 0;
    let mut seen = BTreeSet::new();
    for start in starts(40) {
        let sample = database.store.sample_records(SOURCE, start, 50).await.unwrap();
        let distinct: BTreeSet<String> = sample.iter().cloned().collect();
        assert_eq!(distinct.len(), 50, "without replacement");
        assert!(!distinct.contains("of-another-source"));
        of_the_older_half += sample.iter().filter(|id| **id < format!("id-{:05}", RECORDS / 2)).count();
        seen.extend(distinct);
    }
    assert!((900..1100).contains(&of_the_older_half), "{of_the_older_half} of 2000");
    assert!(seen.len() > 1000, "another start is another sample: {}", seen.len());
}

#[tokio::test]
async fn a_sample_as_large_as_the_source_is_the_source_from_any_start() {
    let database = with_records().await;
    for start in [i64::MIN, 0, i64::MAX] {
        let sample = database.store.sample_records(SOURCE, start, 5000).await.unwrap();
        assert_eq!(sample.iter().collect::<BTreeSet<_>>().len(), RECORDS);
        assert_eq!(sample.len(), RECORDS);
    }
    assert_eq!(database.store.sample_records("unknown", 0, 10).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn recent_changes_come_newest_first_and_are_bounded() {
    let database = with_records().await;
    database.execute("update source_record set changed_at = now() - interval '2 days'").await;
    database.apply(&[found("id-00007", "changed", Some(2001), 2)]).await;
    database.apply(&[gone("id-00003", None, 3)]).await;
    let within = async |age, limit| database.store.records_changed_within(SOURCE, age, limit).await.unwrap();
    assert_eq!(within(DAY, 10).await, ["id-00003", "id-00007"]);
    assert_eq!(within(DAY, 1).await, ["id-00003"]);
    assert_eq!(within(3 * DAY, 5000).await.len(), RECORDS);
}

#[tokio::test]
async fn stored_values_identify_the_reading_without_its_content() {
    let database = Database::start().await;
    let reading = found("a", "ada", Some(1), 1);
    database.apply(&[reading.clone(), found("b", "bob", None, 2)]).await;
    database.apply(&[gone("b", None, 3)]).await;
    let ids = ["b", "a", "unknown"].map(String::from);
    let stored = database.store.stored_records(SOURCE, &ids).await.unwrap();
    let record = |id: &str, content_hash, version_at, ticket| StoredRecord {
        external_id: id.to_owned(),
        content_hash,
        version_at,
        ticket,
    };
    let expected = [record("a", reading.state.content_hash(), Some(at(1)), 1), record("b", None, None, 3)];
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn an_audit_result_is_a_row() {
    let database = Database::start().await;
    let result = AuditResult {
        sampled: 100,
        sampled_divergent: 2,
        share: (0.005, 0.07),
        recent: 10,
        recent_divergent: 1,
        undecided: 3,
    };
    database.store.record_audit(SOURCE, result).await.unwrap();
    let rows = database.texts("select concat_ws(' ', source, sampled, sampled_divergent, share_low, share_high, recent, recent_divergent, undecided) from audit_result").await;
    assert_eq!(rows, ["idp 100 2 0.005 0.07 10 1 3"]);
}

/// A sample costs the same however many records there are: it reads one range of its index.
#[tokio::test]
async fn a_sample_reads_no_more_records_than_it_draws() {
    let database = with_records().await;
    for start in starts(12) {
        let sample = database.store.sample_records(SOURCE, start, 20).await.unwrap();
        assert_eq!(database.store.stored_records(SOURCE, &sample).await.unwrap().len(), 20);
    }
    database.store.close().await;
    let read = "select idx_tup_read from pg_stat_user_indexes where indexrelname = 'source_record_sample'";
    let counted = async || Ok(Some(database.count(read).await).filter(|read| *read >= 240));
    let read = local_stack::wait_until(Duration::from_secs(60), "12 samples of 20 to be counted", counted);
    // The planner may look at either end.
    assert!(read.await.unwrap() < 260);
}

/// An index on when a row changed would make every change of a row a new entry in each index of the table.
#[tokio::test]
async fn a_change_of_a_record_stays_in_place() {
    let database = Database::start().await;
    // Room for new versions of rows, as a table has that was in use for a while.
    database.execute("alter table source_record set (fillfactor = 50)").await;
    let version = |content: &str, version| {
        (0..100).map(|n| found(&format!("id-{n}"), content, Some(version), version)).collect::<Vec<_>>()
    };
    database.apply(&version("first", 1)).await;
    database.apply(&version("second", 2)).await;
    database.store.close().await;
    let counts =
        "select n_tup_upd || ' ' || n_tup_hot_upd from pg_stat_user_tables where relname = 'source_record'";
    let handed_in = async || Ok((database.texts(counts).await == ["100 100"]).then_some(()));
    local_stack::wait_until(Duration::from_secs(60), "100 changes, all in place", handed_in).await.unwrap();
}

#[tokio::test]
async fn a_sample_that_begins_at_a_record_s_own_place_contains_the_record() {
    let database = Database::start().await;
    database.apply(&["a", "b", "c"].map(|id| found(id, "x", None, 1))).await;
    for id in ["a", "b", "c"] {
        let place = database.count(&format!("select hashtextextended('{id}', 0)")).await;
        assert_eq!(database.store.sample_records(SOURCE, place, 1).await.unwrap(), [id]);
    }
}

#[tokio::test]
async fn a_reading_that_changes_nothing_leaves_the_time_of_the_last_change() {
    let database = Database::start().await;
    database.apply(&[found("a", "ada", None, 1)]).await;
    database.execute("update source_record set changed_at = now() - interval '2 days'").await;
    database.apply(&[found("a", "ada", None, 2)]).await;
    assert_eq!(database.texts("select ticket::text from source_record").await, ["2"], "it was written");
    assert_eq!(database.store.records_changed_within(SOURCE, DAY, 10).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn only_present_records_of_the_source_are_counted() {
    let database = Database::start().await;
    database.apply(&[found("a", "ada", None, 1), found("b", "bob", None, 2), gone("c", None, 3)]).await;
    database.store.apply_person_readings(CRM, &[found("d", "dan", None, 4)]).await.unwrap();
    assert_eq!(database.store.count_present_records(SOURCE).await.unwrap(), 2);
}
