//! How faults of the server, the network and the data are classified, and that no error quotes a value.

use std::error::Error as _;
use std::time::Duration;

use local_stack::wait_until;
use postgres_store::{Store, StoreError};
use sqlx::Connection as _;

use crate::IDP;
use crate::database::{Database, found, gone};

const LIMIT: Duration = Duration::from_secs(30);

/// The error as `class code constraint`.
async fn fault(store: &Store, id: &str, content: &str) -> String {
    match store.apply_person_readings(IDP, &[found(id, content, Some(1001), 1)]).await {
        Err(StoreError::Unavailable { code }) => format!("unavailable {code}"),
        Err(StoreError::Refused { code, constraint }) => format!("refused {code} {constraint}"),
        other => panic!("{id}: {other:?}"),
    }
}

#[tokio::test]
async fn temporary_faults_are_unavailable_and_lasting_ones_are_refused() {
    let database = Database::start().await;
    let raise = "create function raise_it() returns trigger language plpgsql as $$ begin \
                     raise 'on purpose' using errcode = new.external_id; end $$; \
                 create trigger raise_it before insert on source_record for each row execute function raise_it()";
    database.execute(raise).await;
    let passing = [
        "08000", "08001", "08003", "08004", "08006", "08P01", "25006", "28000", "28P01", "3D000", "40001",
        "40003", "40P01", "42501", "42703", "42P01", "53000", "53100", "53200", "53300", "53400", "55P03",
        "57014", "57P01", "57P02", "57P03", "57P04", "57P05", "58030", "XX000", "XX001", "XX002",
    ];
    for code in passing {
        assert_eq!(fault(&database.store, code, "x").await, format!("unavailable {code}"));
    }
    for code in ["22001", "22021", "22P05", "23502", "23503", "23505", "23514", "54000"] {
        assert_eq!(fault(&database.store, code, "x").await, format!("refused {code} "));
    }
}

#[tokio::test]
async fn data_that_postgres_cannot_store_is_refused_and_nothing_of_its_batch_is_written() {
    let database = Database::start().await;
    // Random, so that it cannot be compressed to what an index takes.
    let long: String = rand::random_iter::<u64>().take(1000).map(|number| format!("{number:x}")).collect();
    assert_eq!(fault(&database.store, "nul\0", "x").await, "refused 22021 ");
    assert_eq!(fault(&database.store, "nul in the record", "\0").await, "refused 22P05 ");
    assert_eq!(fault(&database.store, &long, "x").await, "refused 54000 ");
    let batch = [found("good", "good", None, 1), gone("nul\0", None, 1)];
    let refused = database.store.apply_person_readings(IDP, &batch).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })));
    assert_eq!(database.row_versions().await, [""; 0]);
    // What a JSON text can say and Rust's strings cannot.
    assert!(serde_json::from_str::<String>(r#""\ud800""#).is_err());
}

#[tokio::test]
async fn a_server_that_ends_the_connection_stops_or_is_not_there_is_unavailable() {
    let mut database = Database::on_its_own_server().await;
    let mut other = sqlx::PgConnection::connect(&database.direct).await.unwrap();
    let mut locking = other.begin().await.unwrap();
    sqlx::raw_sql("lock table source_record").execute(&mut *locking).await.unwrap();
    let store = database.store.clone();
    let stuck = tokio::spawn(async move { fault(&store, "a", "x").await });
    let end_it = "select pg_terminate_backend(pid) from pg_stat_activity \
                  where wait_event_type = 'Lock' and application_name = 'coppice' and datname = current_database()";
    wait_until(LIMIT, "a statement that is stuck", async || {
        let ended: Option<bool> = sqlx::query_scalar(end_it).fetch_optional(&database.pool).await?;
        Ok(ended)
    })
    .await
    .unwrap();
    assert_eq!(stuck.await.unwrap(), "unavailable 57P01");
    locking.rollback().await.unwrap();
    assert_eq!(database.apply(&[found("a", "x", None, 1)]).await.len(), 1, "the next one works");

    database.test_database.server().stop_immediately();
    let stopped = fault(&database.store, "a", "x").await;
    assert!(stopped.starts_with("unavailable "), "{stopped}");
    assert!(matches!(database.store.check_writable().await, Err(StoreError::Unavailable { .. })));
    database.test_database.server().start_again().await.unwrap();
    wait_until(LIMIT, "the pool to find the server again", async || {
        Ok(Some(database.store.check_writable().await?))
    })
    .await
    .unwrap();

    database.store.close().await;
    assert_eq!(fault(&database.store, "a", "x").await, "unavailable pool closed");
}

/// Otherwise the first event of a quiet night would fail.
#[tokio::test]
async fn a_connection_that_broke_while_it_was_idle_is_replaced_before_it_is_used() {
    let database = Database::start().await;
    database.store.server_time().await.unwrap();
    let used_at = tokio::time::Instant::now();
    let end_them = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'coppice' and datname = current_database()";
    assert!(database.count(end_them).await > 0);
    // Under load, connections are not asked; this one has been idle for longer.
    let idle = async || Ok((used_at.elapsed() > Duration::from_millis(1100)).then_some(()));
    wait_until(LIMIT, "the connection to be idle", idle).await.unwrap();
    database.store.server_time().await.unwrap();
}

#[tokio::test]
async fn no_error_quotes_a_value() {
    const MARK: &str = "zzmarkedzz";
    let database = Database::start().await;
    database
        .execute("alter table person add constraint no_marks check (email not like '%zzmarkedzz%')")
        .await;
    let say_it = "create function say_it() returns trigger language plpgsql as $$ begin if new.external_id = 'say' then \
                      raise 'message %', new.record using detail = new.record, hint = new.record, \
                      errcode = '22000', constraint = 'says'; end if; return new; end $$; \
                  create trigger say_it before insert on source_record for each row execute function say_it()";
    database.execute(say_it).await;
    let long =
        MARK.repeat(2) + &rand::random_iter::<u64>().take(1000).map(|n| n.to_string()).collect::<String>();
    let cases = [
        ("a", MARK, "database refuses the data: 23514 no_marks"),
        ("say", MARK, "database refuses the data: 22000 says"),
        ("zzmarkedzz\0", MARK, "database refuses the data: 22021 "),
        (long.as_str(), MARK, "database refuses the data: 54000 "),
    ];
    for (id, content, expected) in cases {
        let reading = found(id, content, None, 1);
        let error = database.store.apply_person_readings(IDP, &[reading]).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?} {error:#?}").contains(MARK), "{error:?}");
        assert!(error.source().is_none(), "a source could quote it");
    }
}

#[tokio::test]
async fn a_url_that_cannot_be_used_is_not_quoted() {
    for url in ["", "mysql://coppice:zzsecretzz@db/coppice", "postgres://coppice:zzsecretzz@db:port/coppice"]
    {
        let Err(error) = Store::open(&url.to_owned().into(), 1) else { panic!("{url} was taken") };
        assert!(matches!(error, StoreError::Url(_)));
        assert!(!format!("{error} {error:?}").contains("zzsecretzz"));
    }
}
