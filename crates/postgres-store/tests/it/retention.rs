//! Rows are deleted when they are too old, and no others, however many pages they fill.

use postgres_store::{Expiring, Write};
use time::Duration;

use crate::database::Database;

/// One old and one new row of each kind, and rows that must stay whatever their age.
const ROWS: &str = "
    insert into dead_lettered_message (queue, message_id, body, attributes, sent_at, copied_at, resolution, resolved_at)
        select 'q', age, '', '{}', now(), now() - age::interval, 'dropped', now() from ages;
    insert into redrive_plan (plan_id, queue, action, selection, created_at)
        select gen_random_uuid(), 'q', 'drop', '{}', now() - age::interval from ages;
    insert into redrive_item (item_id, plan_id, position, message_id)
        select gen_random_uuid(), plan_id, 1, 'm' from redrive_plan;
    insert into message_failure (queue, message_id, failed_at, class, detail, worker_version)
        select 'q', age, now() - age::interval, 'x', '', '1' from ages;
    insert into login_event (source, event_id, at) select 's', age, now() - age::interval from ages;
    insert into heartbeat (heartbeat_id, unit, sent_at) select gen_random_uuid(), 'u', now() - age::interval from ages;
    insert into fire_drill (drill_id, unit, started_at, ended_at, passed)
        select gen_random_uuid(), 'u', now() - age::interval, now() - age::interval, true from ages;
    insert into fire_drill (drill_id, unit, started_at) values (gen_random_uuid(), 'open', now() - interval '1 year');
    insert into resync_run (run_id, source, origin, moved_at)
        select gen_random_uuid(), 's', age, now() - age::interval from ages;
    insert into resync_item (run_id, external_id) select run_id, 'a' from resync_run;
    insert into audit_result select 's', now() - age::interval, 1, 0, 0, 0, 0, 0, 0 from ages";

#[tokio::test]
async fn old_rows_of_every_kind_are_deleted_and_newer_ones_stay() {
    // The tool that deletes them.
    let database = Database::start_as("coppice").await;
    let ages = "create table ages (age text); insert into ages values ('91 days'), ('89 days')";
    database.execute(&format!("{ages}; {ROWS}")).await;
    let write = Write::if_wanted(true);
    for what in Expiring::ALL {
        let counted = database.store.delete_expired(what, Duration::days(90), None).await.unwrap();
        assert_eq!(counted, 1, "{what:?}: a dry run counts");
        let deleted = database.store.delete_expired(what, Duration::days(90), write.as_ref()).await.unwrap();
        assert_eq!(deleted, 1, "{what:?}");
        let again = database.store.delete_expired(what, Duration::days(90), write.as_ref()).await.unwrap();
        assert_eq!(again, 0, "{what:?}: a second run has nothing to do");
        let left = database.count(&format!("select count(*) from {}", what.table())).await;
        assert_eq!(left, if what == Expiring::FireDrills { 2 } else { 1 }, "{what:?}; an open drill stays");
    }
    assert_eq!(database.count("select count(*) from redrive_item").await, 1, "items go with their plan");
    assert_eq!(database.count("select count(*) from resync_item").await, 1, "items go with their run");
    assert_eq!(database.texts("select message_id from message_failure").await, ["89 days"]);
}

#[tokio::test]
async fn more_rows_than_one_transaction_reads_are_deleted() {
    let database = Database::start().await;
    // About 100 bytes a row: 1,000 pages hold some 80,000.
    let many = "insert into login_event select 's', repeat('x', 40) || n, now() - interval '1 year' * (n % 2) \
                from generate_series(1, 200000) n";
    database.execute(many).await;
    assert!(database.count("select pg_relation_size('login_event') / 8192").await > 2000);
    let write = Write::if_wanted(true);
    let deleted =
        database.store.delete_expired(Expiring::LoginEvents, Duration::days(90), write.as_ref()).await;
    assert_eq!(deleted.unwrap(), 100_000);
    assert_eq!(database.count("select count(*) from login_event").await, 100_000);
}
