//! Migrations: which schema is refused, and that each can be taken back.

use std::collections::BTreeSet;
use std::time::Duration;

use postgres_store::{MIGRATOR, StaleCondition, Store, StoreError};
use sqlx::PgPool;

use crate::database::{Database, found, open};
use crate::{IDP, SOURCE};

/// Every column, index and constraint, as text.
async fn shape(database: &Database) -> Vec<String> {
    let shape = "select concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) \
                 from information_schema.columns where table_schema = 'public' and table_name <> '_sqlx_migrations' \
                 union all select indexdef from pg_indexes where schemaname = 'public' and tablename <> '_sqlx_migrations' \
                 union all select concat_ws(' ', conrelid::regclass, pg_get_constraintdef(oid)) from pg_constraint \
                 where conrelid::regclass::text <> '_sqlx_migrations' and connamespace = 'public'::regnamespace \
                 union all select sequencename from pg_sequences order by 1";
    database.texts(shape).await
}

#[tokio::test]
async fn a_schema_that_lacks_a_migration_is_refused_and_a_newer_one_is_not() {
    let database = Database::start_empty().await;
    let needed = MIGRATOR.iter().map(|migration| migration.version).max().unwrap();
    let refused = |result| match result {
        Err(StoreError::SchemaOlder { applied, needed }) => (applied, needed),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(database.store.check_schema().await), (0, needed), "no migration at all");
    database.migrate().await;
    database.store.check_schema().await.unwrap();

    database.execute("update _sqlx_migrations set success = false where version = (select max(version) from _sqlx_migrations)").await;
    assert!(refused(database.store.check_schema().await).0 < needed, "the newest failed half-way");
    database.execute("update _sqlx_migrations set success = true").await;

    database.execute("insert into _sqlx_migrations select 99990101000000, 'newer', now(), true, '', 0").await;
    database.store.check_schema().await.unwrap();
    // The migrate step of an older release, as a roll-back runs it.
    database.migrate().await;
    database.apply(&[found("a", "ada", None, 1)]).await;
}

#[tokio::test]
async fn every_migration_can_be_reverted_and_applied_again() {
    let database = Database::start().await;
    let up = shape(&database).await;
    assert!(up.iter().any(|line| line.contains("refetch_ticket")), "{up:#?}");
    database.apply(&[found("a", "ada", None, 1)]).await;

    let versions: BTreeSet<i64> = MIGRATOR.iter().map(|migration| migration.version).collect();
    for version in versions.iter().rev() {
        MIGRATOR.undo(&database.pool, version - 1).await.unwrap();
    }
    assert_eq!(shape(&database).await, [""; 0], "nothing is left");
    database.migrate().await;
    assert_eq!(shape(&database).await, up);
    database.apply(&[found("a", "ada", None, 1)]).await;
}

#[test]
fn every_migration_has_a_down_file_and_a_name_of_verb_and_object() {
    let (up, down): (Vec<_>, Vec<_>) =
        MIGRATOR.iter().partition(|migration| migration.migration_type.is_up_migration());
    let versions =
        |list: &[&sqlx::migrate::Migration]| -> Vec<i64> { list.iter().map(|m| m.version).collect() };
    assert_eq!(versions(&up), versions(&down));
    for migration in up {
        assert_eq!(migration.version.to_string().len(), "20261130000100".len(), "{}", migration.description);
        assert!(migration.description.contains(' '), "{}", migration.description);
    }
}

/// The last file of the initial schema. Later ones run on tables with rows, beside pods of the release before.
const INITIAL: i64 = 20_261_130_002_900;

/// What a migration after the initial schema must not do: `migrations/README.md` says what to do instead.
fn breach(sql_of_file: &str) -> Option<&'static str> {
    let lines = sql_of_file.lines().map(|line| line.split("--").next().unwrap_or_default());
    let sql = lines.collect::<Vec<_>>().join(" ").to_lowercase();
    let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let has = |text: &str| words.contains(text);
    let index_on_rows = words.split(';').any(|statement| locks_writers_out(statement, &words));
    let needs_value = |statement: &str| {
        statement.contains("add column") && statement.contains("not null") && !statement.contains(" default ")
    };
    let contracts = sql_of_file.starts_with("-- contract:");
    if !contracts && (has("drop ") || has("rename ")) {
        Some("removes or renames what the release before uses")
    } else if words.split(';').any(needs_value) {
        Some("adds a column for which the release before writes no value")
    } else if has("set not null") || has(" type ") && has("alter column") {
        Some("rewrites or scans the table under a lock")
    } else if index_on_rows {
        Some("locks writers out while it builds an index")
    } else if has("add constraint") && !has("not valid") {
        Some("checks every row under a lock")
    } else {
        None
    }
}

/// Whether a statement builds an index, not concurrently, on a table that this file does not create.
fn locks_writers_out(statement: &str, file: &str) -> bool {
    let builds = ["create index ", "create unique index "].iter().any(|start| statement.contains(start));
    let table = statement.split(" on ").nth(1).and_then(|rest| rest.split([' ', '(']).next());
    let new = table.is_some_and(|table| file.contains(&format!("create table {table} ")));
    builds && !statement.contains("index concurrently") && !new
}

#[test]
fn a_migration_after_the_initial_schema_neither_breaks_old_pods_nor_locks_a_table() {
    for migration in MIGRATOR.iter().filter(|migration| migration.migration_type.is_up_migration()) {
        if migration.version > INITIAL {
            assert_eq!(breach(migration.sql.as_str()), None, "{}", migration.description);
        }
    }
}

#[test]
fn each_way_to_break_old_pods_or_to_lock_a_table_is_recognised() {
    for sql in [
        "alter table person drop column email",
        "drop view verification",
        "drop index person_email_idx",
        "drop sequence refetch_ticket",
        "alter table person add column nickname text not null",
        "-- contract: 3 no longer reads it\nalter table person alter column email set not null",
        "ALTER TABLE person RENAME COLUMN email TO address",
        "alter table person\n    alter column email set not null",
        "alter table person alter column revision type numeric",
        "create index person_email_idx on person (email)",
        "create table note (note_id uuid primary key); create unique index person_email_idx on person (email)",
        "alter table person add constraint positive check (revision > 0)",
    ] {
        assert!(breach(sql).is_some(), "{sql}");
    }
    for sql in [
        "alter table person add column nickname text -- not dropped: drop column would be",
        "create index concurrently person_email_idx on person (email)",
        "alter table person add column nickname text not null default ''",
        "-- contract: 3 no longer reads it\nalter table person drop column email",
        "create table note (note_id uuid primary key); create index note_idx on note (note_id)",
        "alter table person add constraint positive check (revision > 0) not valid",
    ] {
        assert_eq!(breach(sql), None, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_pods_may_migrate_at_once() {
    let database = Database::start_empty().await;
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let store = open(&database.direct);
            tokio::spawn(async move { store.migrate().await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    database.store.check_schema().await.unwrap();
}

#[tokio::test]
async fn statements_have_a_time_limit_and_migrations_one_for_locks_only() {
    let database = Database::start_empty().await;
    let limits = PgPool::connect(&database.direct).await.unwrap();
    let log = "create table seen (command text, timeouts text); \
                   create function timeouts() returns text language sql as $$ select current_setting('statement_timeout') \
                   || ' ' || current_setting('lock_timeout') || ' ' || current_setting('idle_in_transaction_session_timeout') \
                   || ' ' || current_setting('tcp_keepalives_idle') || ' ' || current_setting('tcp_user_timeout') $$; \
               create function see() returns event_trigger language plpgsql as $$ begin \
                   insert into seen values ('ddl', timeouts()); end $$; \
               create function see_row() returns trigger language plpgsql as $$ begin \
                   insert into seen values ('write', timeouts()); return new; end $$; \
               create event trigger see on ddl_command_end execute function see()";
    sqlx::raw_sql(log).execute(&limits).await.unwrap();
    database.migrate().await;
    database.execute("drop event trigger see").await;
    database
        .execute("create trigger see before insert on person for each row execute function see_row()")
        .await;
    database.apply(&[found("a", "ada", None, 1)]).await;
    let seen = database.texts("select distinct command || ' ' || timeouts from seen order by 1").await;
    // The second is of a migration without a transaction, which may wait for a lock without a limit.
    let expected = ["ddl 0 10s 30s 30 60000", "ddl 0 0 30s 30 60000", "write 30s 10s 30s 30 60000"];
    assert_eq!(seen.iter().collect::<BTreeSet<_>>(), expected.map(String::from).iter().collect());
}

#[tokio::test]
async fn statements_with_a_longer_time_limit_leave_the_shorter_one_to_the_next_ones() {
    let database = Database::start().await;
    let log = "create table seen (statement_timeout text); \
               create function see() returns trigger language plpgsql as $$ begin \
                   insert into seen values (current_setting('statement_timeout')); return new; end $$; \
               create trigger see before insert on person for each row execute function see()";
    database.execute(log).await;
    // One connection for all.
    let store = Store::open(&database.url.clone().into(), 1).unwrap();
    let run = store.begin_resync_run(SOURCE, "listing", "", None).await.unwrap().run_id;
    store.apply_person_readings(IDP, &[found("a", "ada", None, 1)]).await.unwrap();
    store.gather_stale(run, SOURCE, StaleCondition::Any, 0, 9).await.unwrap();
    store.records_changed_within(SOURCE, Duration::from_secs(60), 9).await.unwrap();
    store.apply_person_readings(IDP, &[found("b", "bob", None, 2)]).await.unwrap();
    assert_eq!(database.texts("select statement_timeout from seen").await, ["30s", "30s"]);
}

/// What the code never writes, and a hand in the database might.
#[tokio::test]
async fn rows_that_contradict_themselves_are_refused() {
    let database = Database::start().await;
    database.apply(&[found("a", "ada", None, 1)]).await;
    let statements = [
        "update source_record set person_id = null",
        "update source_record set record = null",
        "update source_record set role = 'sales'",
        "update person set status = 'asleep'",
        "insert into link_review (source, external_id, candidate_person_id, reason, verdict) \
         select source, external_id, person_id, 'x', 'perhaps' from source_record",
        "insert into fire_drill (drill_id, unit, passed) values (gen_random_uuid(), 'sso-sync', true)",
        "insert into fire_drill (drill_id, unit, ended_at, passed) values (gen_random_uuid(), 'sso-sync', now(), false)",
        "insert into content_item (content_item_id, source, scope, collection, external_id, locales, published, ticket) \
         values (gen_random_uuid(), 'cms', 'space', 'entry', 'a', '{}', true, 1)",
        "insert into dead_lettered_message (queue, message_id, body, attributes, sent_at, resolution) \
         values ('sso-sync', 'a', '', '{}', now(), 'lost')",
    ];
    for statement in statements {
        let refused = sqlx::query(statement).execute(&database.pool).await.unwrap_err();
        let code = refused.as_database_error().and_then(|error| error.code().map(String::from));
        assert_eq!(code.as_deref(), Some("23514"), "{statement}: {refused}");
    }
}
