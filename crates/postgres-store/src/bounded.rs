//! The driver's pool, connection and transaction with a limit to every wait, under the driver's names.
//!
//! The driver waits as long as the kernel does for a server that is silent: a quarter of an hour, or for ever if nothing is sent.
//! It has no option for TCP keepalive or `TCP_USER_TIMEOUT` and does not give its sockets away, so the limits are here: of a
//! statement, of `begin` and `commit`, of a ping, of a release into the pool, and of closing the pool.
//!
//! This is also the one place that sees every failure. A connection that failed for a reason of the connection or of its server
//! is closed, and every other connection is tested before its next use: after a failover none of them stays with the old
//! primary. A new connection must be to a server that takes writes.

use std::cell::Cell;
use std::io;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, TryFutureExt};
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use sqlx::pool::{PoolConnection, PoolConnectionMetadata};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Connection as _, Describe, Either, Error, Execute, Executor, Postgres, Row as _, SqlStr};
use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep, timeout};

/// Longest wait for a free or a new connection. Shorter than the time limit of a handler's step.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(5);

/// The server ends a statement after 30 s (`statement_timeout`). If it does not, it is gone.
const STATEMENT_LIMIT: Duration = Duration::from_secs(35);

/// A statement of a job that reads or deletes a whole source's records. The server ends it some seconds earlier.
const LONG_STATEMENT_LIMIT: Duration = Duration::from_secs(3605);
const LONG_STATEMENT_TIMEOUT: &str = "set local statement_timeout = '1h'";

/// A test of a connection, or its return to the pool. A new connection fits into the same [`ACQUIRE_LIMIT`].
const TEST_LIMIT: Duration = Duration::from_secs(2);

const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// A connection that was idle for longer is pinged before use.
const UNTESTED: Duration = Duration::from_secs(1);

/// After a failover, a name in DNS or a balancer may lead elsewhere: only a new connection finds out.
const LONGEST_LIFE: Duration = Duration::from_secs(300);
const LONGEST_IDLE: Duration = Duration::from_secs(60);

tokio::task_local! {
    /// Whether the connection that this task is making is to a server that refuses writes.
    static READ_ONLY: Cell<bool>;
}

/// The server refuses writes. The driver has no error of its own for it.
#[derive(Debug, thiserror::Error)]
#[error("server is read-only")]
pub(crate) struct ReadOnly;

fn read_only() -> Error {
    Error::Configuration(Box::new(ReadOnly))
}

fn no_answer() -> Error {
    Error::Io(io::ErrorKind::TimedOut.into())
}

/// Until when connections have to be tested again.
#[derive(Debug, Default)]
struct Trust {
    ended_at: Mutex<Option<Instant>>,
}

impl Trust {
    fn end(&self) {
        *self.ended_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether nothing has happened since a connection became idle.
    fn covers(&self, idle_for: Duration) -> bool {
        let ended_at = *self.ended_at.lock().unwrap_or_else(PoisonError::into_inner);
        ended_at.is_none_or(|ended_at| idle_for < ended_at.elapsed())
    }
}

/// What a failure means for the connection.
#[derive(Debug)]
struct Fate {
    trust: Arc<Trust>,
    closes: bool,
    in_transaction: bool,
    limit: Duration,
}

impl Fate {
    /// The connection is closed instead of returned to the pool, and the others are tested.
    fn condemn(&mut self) {
        self.closes = true;
        self.trust.end();
    }

    fn note(&mut self, error: &Error) {
        let faulty = match error {
            Error::Database(error) => error.code().is_some_and(|code| {
                // Read-only server, connection exception, server starting or stopping.
                code == "25006" || code.starts_with("08") || code.starts_with("57P")
            }),
            Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed => true,
            _ => false,
        };
        if faulty {
            self.condemn();
        }
    }

    async fn watch<T>(&mut self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let answered = timeout(self.limit, answer).await;
        let Ok(answer) = answered else {
            self.condemn();
            return Err(no_answer());
        };
        answer.inspect_err(|error| self.note(error))
    }
}

/// The driver's pool, with limits. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct PgPool {
    pool: sqlx::PgPool,
    trust: Arc<Trust>,
}

impl PgPool {
    /// Connects at the first use.
    pub(crate) fn connect_lazy(options: PgConnectOptions, max_connections: u32) -> Self {
        let trust = Arc::<Trust>::default();
        let tested = Arc::clone(&trust);
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_LIMIT)
            .max_lifetime(LONGEST_LIFE)
            .idle_timeout(LONGEST_IDLE)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    // Not an error: the driver would log it and try again until the limit, and the caller would not know why.
                    if !is_writable(connection).await? {
                        READ_ONLY.try_with(|read_only| read_only.set(true)).ok();
                    }
                    Ok(())
                })
            })
            // Under load no connection is idle for long, which saves a round trip for each statement. If one breaks then, its
            // user retries.
            .test_before_acquire(false)
            .before_acquire(move |connection, meta: PoolConnectionMetadata| {
                let trusted = tested.covers(meta.idle_for);
                Box::pin(async move {
                    let test = async {
                        match (trusted, meta.idle_for > UNTESTED) {
                            (true, false) => Ok(true),
                            (true, true) => connection.ping().await.map(|()| true),
                            (false, _) => is_writable(connection).await,
                        }
                    };
                    timeout(TEST_LIMIT, test).await.unwrap_or_else(|_| Err(no_answer()))
                })
            })
            .connect_lazy_with(options);
        Self { pool, trust }
    }

    pub(crate) fn connect_options(&self) -> PgConnectOptions {
        (*self.pool.connect_options()).clone()
    }

    /// Checks that a connection takes writes, and makes every other one be tested before its next use.
    pub(crate) async fn check_writable(&self) -> Result<(), Error> {
        self.trust.end();
        // One that was in use has become idle since, and is not tested when it is handed out.
        let mut connection = self.acquire().await?;
        let (driver, fate) = connection.split();
        if fate.watch(is_writable(driver)).await? {
            return Ok(());
        }
        fate.condemn();
        Err(read_only())
    }

    pub(crate) async fn acquire(&self) -> Result<PgConnection, Error> {
        let acquired = READ_ONLY.scope(Cell::new(false), async {
            let pooled = self.pool.acquire().await?;
            Ok::<_, Error>((pooled, READ_ONLY.with(Cell::get)))
        });
        let (pooled, refuses_writes) = acquired.await?;
        let fate = Fate {
            trust: Arc::clone(&self.trust),
            closes: refuses_writes,
            in_transaction: false,
            limit: STATEMENT_LIMIT,
        };
        let connection = PgConnection { pooled: Some(pooled), fate };
        if refuses_writes { Err(read_only()) } else { Ok(connection) }
    }

    pub(crate) async fn begin(&self) -> Result<Transaction, Error> {
        let mut connection = self.acquire().await?;
        // Before the answer: if this future is dropped, the server may have begun.
        connection.fate.in_transaction = true;
        connection.command("begin").await?;
        Ok(Transaction { connection })
    }

    /// A transaction whose statements may take an hour each.
    pub(crate) async fn begin_long(&self) -> Result<Transaction, Error> {
        let mut transaction = self.begin().await?;
        transaction.command(LONG_STATEMENT_TIMEOUT).await?;
        transaction.fate.limit = LONG_STATEMENT_LIMIT;
        Ok(transaction)
    }

    /// Closes every connection after the statements in progress, or without them if they take long.
    pub(crate) async fn close(&self) {
        timeout(CLOSE_LIMIT, self.pool.close()).await.ok();
    }
}

async fn is_writable(connection: &mut sqlx::PgConnection) -> Result<bool, Error> {
    // It is on in a standby, too. Not prepared: a single round trip.
    let row = sqlx::raw_sql("show transaction_read_only").fetch_one(connection).await?;
    Ok(row.try_get::<String, _>(0)? == "off")
}

/// The driver's connection, with limits.
#[derive(Debug)]
pub(crate) struct PgConnection {
    /// `None` only while it is dropped.
    pooled: Option<PoolConnection<Postgres>>,
    fate: Fate,
}

impl PgConnection {
    fn split(&mut self) -> (&mut sqlx::PgConnection, &mut Fate) {
        (self.pooled.as_mut().expect("a connection has its place until it is dropped"), &mut self.fate)
    }

    async fn command(&mut self, command: &'static str) -> Result<(), Error> {
        let (driver, fate) = self.split();
        fate.watch(sqlx::raw_sql(command).execute(driver)).await.map(drop)
    }

    /// Takes the connection out of the pool. From now on its waits have no limits.
    pub(crate) fn detach(mut self) -> sqlx::PgConnection {
        self.pooled.take().expect("a connection has its place until it is dropped").detach()
    }
}

impl Drop for PgConnection {
    fn drop(&mut self) {
        let Some(mut pooled) = self.pooled.take() else { return };
        if self.fate.closes {
            // The driver takes at most five seconds for it.
            pooled.close_on_drop();
            return;
        }
        let in_transaction = self.fate.in_transaction;
        let returned = async move {
            if in_transaction {
                // If the server is silent, dropping it at the limit must not return it: the driver would wait for the answer.
                pooled.close_on_drop();
                sqlx::raw_sql("rollback").execute(&mut *pooled).await?;
            }
            // The driver waits without a limit for the answer to a statement whose future was dropped.
            pooled.return_to_pool().await;
            Ok::<(), Error>(())
        };
        if let Ok(runtime) = Handle::try_current() {
            // A future that is dropped at the limit closes the connection and gives up its place.
            runtime.spawn(timeout(TEST_LIMIT, returned));
        }
    }
}

/// The driver's transaction, with limits. Dropping it rolls it back.
#[derive(Debug)]
pub(crate) struct Transaction {
    connection: PgConnection,
}

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), Error> {
        self.end("commit").await
    }

    pub(crate) async fn rollback(self) -> Result<(), Error> {
        self.end("rollback").await
    }

    async fn end(mut self, command: &'static str) -> Result<(), Error> {
        self.connection.command(command).await?;
        self.connection.fate.in_transaction = false;
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

type Step = Either<PgQueryResult, PgRow>;

/// The rows of a statement, up to its limit.
struct Rows<'a> {
    rows: BoxStream<'a, Result<Step, Error>>,
    fate: &'a mut Fate,
    limit: Pin<Box<Sleep>>,
    ended: bool,
}

impl Stream for Rows<'_> {
    type Item = Result<Step, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let row = match self.rows.as_mut().poll_next(context) {
            Poll::Ready(row) => row,
            Poll::Pending if self.limit.as_mut().poll(context).is_ready() => {
                self.fate.condemn();
                Some(Err(no_answer()))
            }
            Poll::Pending => return Poll::Pending,
        };
        if let Some(Err(error)) = &row {
            self.fate.note(error);
        }
        self.ended = !matches!(row, Some(Ok(_)));
        Poll::Ready(row)
    }
}

impl<'c> Executor<'c> for &'c mut PgConnection {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let (driver, fate) = self.split();
        let limit = Box::pin(sleep(fate.limit));
        Rows { rows: driver.fetch_many(query), fate, limit, ended: false }.boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let (driver, fate) = self.split();
        Box::pin(fate.watch(driver.fetch_optional(query)))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        let (driver, fate) = self.split();
        Box::pin(fate.watch(driver.prepare_with(sql, parameters)))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        let (driver, fate) = self.split();
        Box::pin(fate.watch(driver.describe(sql)))
    }
}

impl<'c> Executor<'c> for &'c PgPool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let rows = async move {
            let mut connection = self.acquire().await?;
            let rows: Vec<Step> = connection.fetch_many(query).try_collect().await?;
            Ok(stream::iter(rows.into_iter().map(Ok)))
        };
        rows.try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(async move { self.acquire().await?.fetch_optional(query).await })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move { self.acquire().await?.prepare_with(sql, parameters).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move { self.acquire().await?.describe(sql).await })
    }
}
