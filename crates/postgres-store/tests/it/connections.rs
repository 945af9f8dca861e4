//! The pool leaves a server that takes no more writes, and every wait for a silent server ends.

use std::time::{Duration, Instant};

use local_stack::{NetworkPath, TestDatabase, Tools, wait_until};
use postgres_store::{Store, StoreError};
use sqlx::Connection as _;
use tokio::task::JoinHandle;

use crate::IDP;
use crate::database::{Database, found};

const LIMIT: Duration = Duration::from_secs(30);

/// A statement that the server does not end.
const STATEMENT_LIMIT: Duration = Duration::from_secs(40);

/// A store that reaches its database over a path that the test changes.
struct Remote {
    store: Store,
    path: NetworkPath,
    database: Database,
    port: u16,
}

impl Remote {
    async fn start(connections: u32) -> Self {
        let database = Database::start().await;
        Self::on(database, connections).await
    }

    async fn on(database: Database, connections: u32) -> Self {
        let port = port_of(&database.direct);
        let path = NetworkPath::to(port).await.unwrap();
        let store = Store::open(&path.through(&database.direct).into(), connections).unwrap();
        Self { store, path, database, port }
    }

    async fn write(&self, id: &str) -> Result<(), StoreError> {
        self.store.apply_person_readings(IDP, &[found(id, "x", None, 1)]).await.map(drop)
    }

    /// Opens as many connections as the pool may have, and makes them idle.
    async fn fill_pool(&self) {
        let time = || self.store.server_time();
        let times = tokio::join!(time(), time(), time(), time());
        for time in <[_; 4]>::from(times) {
            time.unwrap();
        }
    }

    /// A write of which the server is in the middle, and a network that goes silent.
    async fn lose_the_server_in_a_statement(&self) -> JoinHandle<Result<(), StoreError>> {
        let mut other = sqlx::PgConnection::connect(&self.database.direct).await.unwrap();
        let mut locking = other.begin().await.unwrap();
        sqlx::raw_sql("lock table source_record").execute(&mut *locking).await.unwrap();
        let store = self.store.clone();
        let writing = tokio::spawn(async move {
            store.apply_person_readings(IDP, &[found("a", "x", None, 1)]).await.map(drop)
        });
        let waiting = "select count(*) from pg_stat_activity \
                       where wait_event_type = 'Lock' and application_name = 'coppice' and datname = current_database()";
        wait_until(LIMIT, "a statement that waits", async || {
            Ok((self.database.count(waiting).await > 0).then_some(()))
        })
        .await
        .unwrap();
        self.path.go_silent();
        locking.rollback().await.unwrap();
        writing
    }

    async fn becomes_writable(&self) {
        wait_until(LIMIT, "a server that takes writes", async || {
            Ok(Some(self.store.check_writable().await?))
        })
        .await
        .unwrap();
    }
}

fn port_of(url: &str) -> u16 {
    url.rsplit(['/', ':']).nth(1).unwrap().parse().unwrap()
}

fn code(result: Result<(), StoreError>) -> String {
    match result {
        Err(StoreError::Unavailable { code }) => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_connection_leaves_a_server_that_has_become_read_only() {
    let old = Database::on_its_own_server().await;
    let tools = Tools::locate_or_install(|line| eprintln!("{line}")).unwrap();
    let new = TestDatabase::on_its_own_server(&tools).await.unwrap();
    let remote = Remote::on(old, 4).await;
    remote.fill_pool().await;
    remote.write("before").await.unwrap();

    // The standby was promoted, and the old primary takes reads only. Neither closes a connection.
    remote.path.lead_to(port_of(new.url()));
    remote.database.execute("alter system set default_transaction_read_only = on").await;
    remote.database.execute("select pg_reload_conf()").await;
    wait_until(LIMIT, "a write that is refused", async || {
        let id = uuid::Uuid::now_v7().to_string();
        match remote.write(&id).await {
            Err(StoreError::Unavailable { code }) => {
                assert_eq!(code, "25006");
                Ok(Some(()))
            }
            written => {
                written?;
                Ok(None)
            }
        }
    })
    .await
    .unwrap();
    for id in ["a", "b", "c", "d", "e"] {
        remote.write(id).await.unwrap();
    }
    let left = "select count(*) from pg_stat_activity where application_name = 'coppice' and datname = current_database()";
    remote.fill_pool().await;
    wait_until(LIMIT, "the old connections to end", async || {
        Ok((remote.database.count(left).await == 0).then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_read_only_server_is_refused_by_name_until_it_takes_writes() {
    let database = Database::on_its_own_server().await;
    let remote = Remote::on(database, 4).await;
    remote.fill_pool().await;
    remote.store.check_writable().await.unwrap();
    remote.database.execute("alter system set default_transaction_read_only = on").await;
    remote.database.execute("select pg_reload_conf()").await;
    wait_until(LIMIT, "the server to be read-only", async || {
        Ok((remote.database.texts("show default_transaction_read_only").await == ["on"]).then_some(()))
    })
    .await
    .unwrap();
    // Pooled connections, and new ones.
    for _ in 0..5 {
        assert_eq!(code(remote.store.check_writable().await), "25006");
    }
    let read = remote.store.server_time().await.map(drop);
    assert_eq!(code(read), "25006", "no connection is made to it, for reads neither");

    let mut operator = sqlx::PgConnection::connect(&remote.database.direct).await.unwrap();
    for statement in ["alter system reset default_transaction_read_only", "select pg_reload_conf()"] {
        sqlx::raw_sql("set transaction_read_only = off").execute(&mut operator).await.ok();
        sqlx::raw_sql(statement).execute(&mut operator).await.unwrap();
    }
    remote.becomes_writable().await;
    remote.write("a").await.unwrap();
}

#[tokio::test]
async fn the_check_ends_when_the_server_is_silent_and_finds_it_again() {
    let remote = Remote::start(4).await;
    remote.fill_pool().await;
    remote.path.go_silent();
    let begun = Instant::now();
    let limit = Duration::from_secs(10);
    let checked = tokio::time::timeout(limit, remote.store.check_writable()).await;
    assert!(code(checked.unwrap()).contains("within the time limit"), "after {:?}", begun.elapsed());
    remote.path.lead_to(remote.port);
    remote.becomes_writable().await;
    remote.write("a").await.unwrap();
}

#[tokio::test]
async fn silent_connections_are_replaced() {
    let remote = Remote::start(4).await;
    remote.fill_pool().await;
    remote.path.go_silent();
    remote.path.lead_to(remote.port);
    // The old connections stay silent for ever. On a slow machine the first check may end before all are tested.
    remote.becomes_writable().await;
}

#[tokio::test]
async fn a_statement_ends_when_the_server_is_silent_and_its_connection_is_not_used_again() {
    // With one connection, its place must be free again.
    let remote = Remote::start(1).await;
    let writing = remote.lose_the_server_in_a_statement().await;
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    assert_eq!(code(writing.await.unwrap()), "no answer within the time limit");
    assert!(begun.elapsed() < STATEMENT_LIMIT, "{:?}", begun.elapsed());
    tokio::time::resume();
    remote.path.lead_to(remote.port);
    remote.becomes_writable().await;
    // The server still has the first write in a transaction, and its locks.
    remote.write("b").await.unwrap();
}

#[tokio::test]
async fn a_query_ends_when_the_server_is_silent() {
    let remote = Remote::start(4).await;
    remote.fill_pool().await;
    remote.path.go_silent();
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    // The connection was in use just now, so it is not tested.
    assert_eq!(code(remote.store.server_time().await.map(drop)), "no answer within the time limit");
    assert!(begun.elapsed() < STATEMENT_LIMIT, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_statement_that_its_caller_gives_up_does_not_keep_a_place_in_the_pool() {
    let remote = Remote::start(1).await;
    let writing = remote.lose_the_server_in_a_statement().await;
    writing.abort();
    remote.path.lead_to(remote.port);
    remote.becomes_writable().await;
    // The server still has the first write in a transaction, and its locks.
    remote.write("b").await.unwrap();
}

#[tokio::test]
async fn closing_ends_although_the_server_is_silent_in_the_middle_of_a_statement() {
    let remote = Remote::start(4).await;
    let writing = remote.lose_the_server_in_a_statement().await;
    tokio::time::timeout(Duration::from_secs(10), remote.store.close()).await.unwrap();
    writing.abort();
}

#[tokio::test]
async fn a_transaction_that_is_dropped_is_rolled_back() {
    let remote = Remote::start(1).await;
    let readings = [found("a", "x", None, 1), found("nul\0", "x", None, 1)];
    let refused = remote.store.apply_person_readings(IDP, &readings).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })));
    remote.store.server_time().await.unwrap();
    assert_eq!(remote.database.count("select count(*) from source_record").await, 0);
    let open = "select count(*) from pg_stat_activity \
                where state like 'idle in transaction%' and application_name = 'coppice' and datname = current_database()";
    assert_eq!(remote.database.count(open).await, 0);
}
