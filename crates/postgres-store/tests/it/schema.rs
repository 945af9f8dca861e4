//! Migrations: which schema is refused, and that each can be taken back.

use std::collections::BTreeSet;

use postgres_store::{MIGRATOR, StoreError};
use sqlx::PgPool;

use crate::database::{Database, found, open};

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
    database.store.migrate().await.unwrap();
    database.store.check_schema().await.unwrap();

    database.execute("update _sqlx_migrations set success = false where version = (select max(version) from _sqlx_migrations)").await;
    assert!(refused(database.store.check_schema().await).0 < needed, "the newest failed half-way");
    database.execute("update _sqlx_migrations set success = true").await;

    database.execute("insert into _sqlx_migrations select 99990101000000, 'newer', now(), true, '', 0").await;
    database.store.check_schema().await.unwrap();
    // The migrate step of an older release, as a roll-back runs it.
    database.store.migrate().await.unwrap();
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
    database.store.migrate().await.unwrap();
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_pods_may_migrate_at_once() {
    let database = Database::start_empty().await;
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let store = open(&database.url);
            tokio::spawn(async move { store.migrate().await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    database.store.check_schema().await.unwrap();
}

#[tokio::test]
async fn statements_have_a_time_limit_and_migrations_have_none() {
    let database = Database::start_empty().await;
    let limits = PgPool::connect(&database.url).await.unwrap();
    let log = "create table seen (command text, statement_timeout text); \
               create function see() returns event_trigger language plpgsql as $$ begin \
                   insert into seen values ('ddl', current_setting('statement_timeout')); end $$; \
               create function see_row() returns trigger language plpgsql as $$ begin \
                   insert into seen values ('write', current_setting('statement_timeout')); return new; end $$; \
               create event trigger see on ddl_command_end execute function see()";
    sqlx::raw_sql(log).execute(&limits).await.unwrap();
    database.store.migrate().await.unwrap();
    database.execute("drop event trigger see").await;
    database
        .execute("create trigger see before insert on person for each row execute function see_row()")
        .await;
    database.apply(&[found("a", "ada", None, 1)]).await;
    let seen =
        database.texts("select distinct command || ' ' || statement_timeout from seen order by 1").await;
    assert_eq!(seen, ["ddl 0", "write 30s"]);
}
