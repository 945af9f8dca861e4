//! No statement of the hot path reads a whole table: its cost does not grow with the number of persons.
//!
//! Postgres itself is asked, after the statements ran as the store sends them: it counts how often a table was scanned
//! from end to end. (What `EXPLAIN` says of a copy of a statement may differ from what a prepared one does.)

use std::time::Duration;

use local_stack::wait_until;
use postgres_store::ReadingResult::{Applied, Unchanged};
use postgres_store::{FailedAttempt, PersonReading, RecordState, Store};
use serde_json::json;

use crate::database::{Database, gone, naming, open};
use crate::{IDP, SOURCE};

const PERSONS: usize = 20_000;
const LIMIT: Duration = Duration::from_secs(60);
/// More than five: from the sixth execution on, Postgres may use a plan that fits any parameters.
const ROUNDS: i64 = 12;

/// With a key and a verified address, so that the records of other sources are looked for.
fn reading(number: usize, content: &str, version: i64) -> PersonReading {
    let mut reading =
        naming(&format!("db|{number}"), content, &[&number.to_string(), "x"], Some(version), version);
    if let RecordState::Present { record, external_key, .. } = &mut reading.state {
        *external_key = Some(format!("P-{number}"));
        record["email"] = json!(format!("{number}@example.org"));
        record["email_verified"] = json!(true);
    }
    reading
}

/// Brings statistics up to date, and hands in the counts of that.
///
/// To vacuum is to scan tables as well: `source_record` once for each range of blocks that is new to the index of
/// changes. A connection hands in its counts once a second at most, and an idle one later still, so without the flush
/// it might do so while the store's statements are counted.
async fn vacuum(database: &Database) {
    let mut connection = database.pool.acquire().await.unwrap();
    for statement in ["vacuum analyze", "select pg_stat_force_next_flush()"] {
        sqlx::raw_sql(statement).execute(&mut *connection).await.unwrap();
    }
}

/// Ends the store's connections, which hands in their counts, and answers how often each table was scanned whole.
async fn whole_scans(database: &Database, store: &Store) -> Vec<String> {
    store.close().await;
    let connected = "select count(*) from pg_stat_activity where application_name = 'coppice' and datname = current_database()";
    let ended = wait_until(LIMIT, "the connections to end", async || {
        Ok((database.count(connected).await == 0).then_some(()))
    });
    ended.await.unwrap();
    let scans = "select relname || ' ' || seq_scan from pg_stat_user_tables where relname in \
                 ('person', 'source_record', 'identity', 'outbox', 'message_failure') order by 1";
    database.texts(scans).await
}

#[tokio::test]
async fn hot_statements_read_no_whole_table() {
    let database = Database::on_its_own_server().await;
    // Autovacuum scans as well, and hands in its counts when it likes.
    for statement in ["alter system set autovacuum = off", "select pg_reload_conf()"] {
        database.execute(statement).await;
    }
    let everybody: Vec<_> = (0..PERSONS).map(|number| reading(number, "first", 1001)).collect();
    for batch in everybody.chunks(1000) {
        database.apply(batch).await;
    }
    let failure = |number: usize| FailedAttempt {
        message_id: format!("m{number}"),
        class: String::from("timeout"),
        detail: String::new(),
        witness_ago: None,
    };
    let failures: Vec<_> = (0..PERSONS).map(failure).collect();
    database.store.record_failures("sso-sync", "1", &failures).await.unwrap();
    vacuum(&database).await;
    let before = whole_scans(&database, &database.store).await;
    assert_eq!(before.len(), 5);

    let store = open(&database.url);
    for round in 1..=ROUNDS {
        let numbers = [round as usize, 500 + round as usize, PERSONS + round as usize];
        let ids: Vec<String> = numbers.iter().map(|number| format!("db|{number}")).collect();
        store.draw_refetch_tickets(SOURCE, &ids).await.unwrap();
        let changed = numbers.map(|number| reading(number, "second", 1001 + round));
        assert_eq!(store.apply_person_readings(IDP, &changed).await.unwrap(), [Applied; 3]);
        assert_eq!(store.apply_person_readings(IDP, &changed).await.unwrap(), [Unchanged; 3]);
        let bare = (10_000 + round).to_string();
        let deleted = [gone("db|77", Some(2001), 2000 + round), gone(&bare, Some(2001), 2001)];
        store.apply_person_readings(IDP, &deleted).await.unwrap();

        let leased = store.lease_announcements(100, LIMIT).await.unwrap();
        let leased: Vec<_> = leased.iter().map(|row| row.announcement.event_id).collect();
        assert_eq!(leased.len(), 100);
        store.remove_announcements(&leased[..50]).await.unwrap();
        store.release_announcements(&leased[50..], Duration::ZERO).await.unwrap();

        let failed = [failure(round as usize)];
        assert_eq!(store.record_failures("sso-sync", "1", &failed).await.unwrap()[0].attempts, 2);
        store.forget_failures("sso-sync", &[failed[0].message_id.clone()]).await.unwrap();
    }
    assert_eq!(whole_scans(&database, &store).await, before);
}
