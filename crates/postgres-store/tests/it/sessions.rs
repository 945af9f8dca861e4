//! What a session of the server keeps: limits in a session of our own, nothing in one that a pooler shares.

use std::time::Duration;

use local_stack::wait_until;
use postgres_store::{Store, StoreError};

use crate::database::{Database, found};

fn open(database: &Database, pooling: &str) -> Store {
    Store::open(&format!("{}?pooling={pooling}", database.direct).into(), 2).unwrap()
}

#[tokio::test]
async fn in_a_shared_session_limits_end_with_each_transaction_and_still_hold_in_it() {
    let database = Database::start().await;
    let keep_limits = "create table seen_limits (inside text); \
                       create function see() returns trigger language plpgsql as $$ begin \
                           insert into seen_limits values (current_setting('statement_timeout') || ' ' || \
                               current_setting('lock_timeout')); return new; end $$; \
                       create trigger see before insert on source_record for each row execute function see()";
    database.execute(keep_limits).await;
    for (pooling, id) in [("session", "a"), ("transaction", "b")] {
        let store = open(&database, pooling);
        store.apply_person_readings(crate::IDP, &[found(id, id, None, 1)]).await.unwrap();
        let seen = database.texts("select inside from seen_limits").await;
        assert_eq!(seen, ["30s 10s"], "{pooling}");
        database.execute("truncate seen_limits").await;
    }
}

#[tokio::test]
async fn a_shared_session_keeps_no_prepared_statement_and_no_setting() {
    let database = Database::start().await;
    let store = open(&database, "transaction");
    store.apply_person_readings(crate::IDP, &[found("a", "a", None, 1)]).await.unwrap();
    store.count_present_records(crate::SOURCE).await.unwrap();
    // Every session of the store, asked by the store: it has no other way to see them.
    database
        .execute(
            "create function session_state() returns text language sql as $$ select count(*) || ' ' || \
             (select setting || unit from pg_settings where name = 'lock_timeout') from pg_prepared_statements \
             where name <> '' $$; alter table resync_run add column state text default session_state()",
        )
        .await;
    store.begin_resync_run("idp", "listing", "", None).await.unwrap();
    assert_eq!(database.texts("select state from resync_run").await, ["0 10000ms"], "the transaction's own");
    let own = open(&database, "session");
    own.server_time().await.unwrap();
    own.begin_resync_run("crm", "listing", "", None).await.unwrap();
    let state = database.texts("select state from resync_run where source = 'crm'").await;
    assert_ne!(state, ["0 10000ms"], "a session of its own keeps what it prepared");
}

#[tokio::test]
async fn the_lock_of_a_redrive_holds_without_a_session_and_ends_with_its_holder() {
    let database = Database::start().await;
    for pooling in ["session", "transaction"] {
        let (store, other) = (open(&database, pooling), open(&database, pooling));
        let lock = store.lock_redrive("a-dlq").await.unwrap().unwrap();
        // Statements of the holder do not free it.
        store.server_time().await.unwrap();
        assert!(other.lock_redrive("a-dlq").await.unwrap().is_none(), "{pooling}");
        let held = "select count(*) from pg_locks lock join pg_stat_activity using (pid) \
                    where locktype = 'advisory' and state = 'idle in transaction' and datname = current_database()";
        assert_eq!(database.count(held).await, 1, "a lock of a transaction, whatever the session");
        drop(lock);
        wait_until(Duration::from_secs(30), "the lock to be free", async || {
            Ok(other.lock_redrive("a-dlq").await?.map(drop))
        })
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn migrations_refuse_a_shared_session() {
    let database = Database::start_empty().await;
    let refused = open(&database, "transaction").migrate().await.unwrap_err().to_string();
    assert!(refused.contains("migrations need a session of their own"), "{refused}");
    let unmigrated = open(&database, "transaction").check_schema().await.unwrap_err();
    assert!(matches!(unmigrated, StoreError::SchemaOlder { applied: 0, .. }), "{unmigrated}");
}
