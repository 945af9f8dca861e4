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
use sqlx::error::BoxDynError;
use sqlx::pool::{PoolConnection, PoolConnectionMetadata};
use sqlx::postgres::{PgArguments, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Connection as _, Describe, Either, Error, Execute, Executor, Postgres, Row as _, SqlStr};
use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep, timeout};

use crate::address::{Address, Pooling};

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

/// What the server ends by itself. No statement here takes so long normally. A wait for a lock ends first, and well before the time
/// limit of a handler's step, so that the error names the cause. The driver cannot set the options of its end of a TCP
/// connection. The server sets those of its own end: a process that is gone without a word keeps no transaction and no lock for
/// longer than about a minute. Not as parameters of the start: poolers refuse those.
pub(crate) const SESSION_LIMITS: &str = "set statement_timeout = '30s'; set lock_timeout = '10s'; \
                              set idle_in_transaction_session_timeout = '30s'; set tcp_keepalives_idle = 30; \
                              set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3; \
                              set tcp_user_timeout = 60000; show transaction_read_only";

/// In a session that others use, too, a setting must not outlive the transaction.
const BEGIN_LIMITED: &str = "begin; set local statement_timeout = '30s'; set local lock_timeout = '10s'; \
                             set local idle_in_transaction_session_timeout = '30s'";

const UNLIMITED_PAUSE: &str = "set local idle_in_transaction_session_timeout = 0";

const IS_READ_ONLY: &str = "show transaction_read_only";

tokio::task_local! {
    /// Whether the connection that this task is making is to a server that refuses writes.
    static READ_ONLY: Cell<bool>;
}

/// The server refuses writes. The driver has no error of its own for it.
#[derive(Debug, thiserror::Error)]
#[error("server is read-only")]
pub(crate) struct ReadOnly;

/// The server, or a pooler in front of it, refuses the connection. A pooler has one code for everything, so its text counts. No row
/// has been sent yet, so the text is about none.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct RefusedConnection(pub(crate) String);

fn refused_connection(error: Error) -> Error {
    match &error {
        Error::Database(refusal) if refusal.code().is_some_and(|code| code.starts_with("08")) => {
            let text = format!("{}: {}", refusal.code().unwrap_or_default(), refusal.message());
            Error::Configuration(Box::new(RefusedConnection(text)))
        }
        _ => error,
    }
}

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
    address: Arc<Address>,
}

impl PgPool {
    /// Connects at the first use.
    pub(crate) fn connect_lazy(address: Address, max_connections: u32) -> Self {
        let first = match address.pooling {
            Pooling::Session => SESSION_LIMITS,
            Pooling::Transaction => IS_READ_ONLY,
        };
        let trust = Arc::<Trust>::default();
        let tested = Arc::clone(&trust);
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_LIMIT)
            .max_lifetime(LONGEST_LIFE)
            .idle_timeout(LONGEST_IDLE)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    // Not an error: the driver would log it and try again until the limit, and the caller would not know why.
                    if !is_off(connection, first).await? {
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
            .connect_lazy_with(address.options.clone());
        Self { pool, trust, address: Arc::new(address) }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
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

    async fn acquire(&self) -> Result<PgConnection, Error> {
        let acquired = READ_ONLY.scope(Cell::new(false), async {
            let pooled = self.pool.acquire().await.map_err(refused_connection)?;
            Ok::<_, Error>((pooled, READ_ONLY.with(Cell::get)))
        });
        let (pooled, refuses_writes) = acquired.await?;
        let fate = Fate {
            trust: Arc::clone(&self.trust),
            closes: refuses_writes,
            in_transaction: false,
            limit: STATEMENT_LIMIT,
        };
        let connection = PgConnection { pooled: Some(pooled), fate, pooling: self.address.pooling };
        if refuses_writes { Err(read_only()) } else { Ok(connection) }
    }

    /// A connection for several statements that only read.
    pub(crate) async fn reading(&self) -> Result<PgConnection, Error> {
        match self.address.pooling {
            Pooling::Session => self.acquire().await,
            // Dropping it rolls back.
            Pooling::Transaction => Ok(self.begin().await?.connection),
        }
    }

    pub(crate) async fn begin(&self) -> Result<Transaction, Error> {
        let mut connection = self.acquire().await?;
        // Before the answer: if this future is dropped, the server may have begun.
        connection.fate.in_transaction = true;
        connection
            .command(match self.address.pooling {
                Pooling::Session => "begin",
                Pooling::Transaction => BEGIN_LIMITED,
            })
            .await?;
        Ok(Transaction { connection })
    }

    /// A transaction that may last as long as its process. It holds what belongs to a transaction, and nothing of a session.
    pub(crate) async fn begin_lasting(&self) -> Result<Transaction, Error> {
        let mut transaction = self.begin().await?;
        transaction.command(UNLIMITED_PAUSE).await?;
        Ok(transaction)
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
    is_off(connection, IS_READ_ONLY).await
}

/// Whether the row that the statements return says that the session is not read-only, as every one of a standby is.
async fn is_off(connection: &mut sqlx::PgConnection, statements: &'static str) -> Result<bool, Error> {
    // Not prepared: a single round trip.
    let row = sqlx::raw_sql(statements).fetch_one(connection).await?;
    Ok(row.try_get::<String, _>(0)? == "off")
}

/// The driver's connection, with limits.
#[derive(Debug)]
pub(crate) struct PgConnection {
    /// `None` only while it is dropped.
    pooled: Option<PoolConnection<Postgres>>,
    fate: Fate,
    pooling: Pooling,
}

impl PgConnection {
    fn split(&mut self) -> (&mut sqlx::PgConnection, &mut Fate) {
        (self.pooled.as_mut().expect("a connection has its place until it is dropped"), &mut self.fate)
    }

    async fn command(&mut self, command: &'static str) -> Result<(), Error> {
        let (driver, fate) = self.split();
        fate.watch(sqlx::raw_sql(command).execute(driver)).await.map(drop)
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

    /// Takes the connection, in the middle of the transaction, out of the pool. The transaction ends with the connection.
    pub(crate) fn detach(mut self) -> sqlx::PgConnection {
        self.connection.pooled.take().expect("a connection has its place until it is dropped").detach()
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

/// A statement that the session does not keep. The driver names and keeps even those that its cache has no place for.
struct Unnamed<E>(E);

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for Unnamed<E> {
    fn sql(self) -> SqlStr {
        self.0.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.0.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        self.0.take_arguments()
    }

    fn persistent(&self) -> bool {
        false
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
        let pooling = self.pooling;
        let (driver, fate) = self.split();
        let limit = Box::pin(sleep(fate.limit));
        let rows = match pooling {
            Pooling::Session => driver.fetch_many(query),
            Pooling::Transaction => driver.fetch_many(Unnamed(query)),
        };
        Rows { rows, fate, limit, ended: false }.boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let pooling = self.pooling;
        let (driver, fate) = self.split();
        Box::pin(fate.watch(match pooling {
            Pooling::Session => driver.fetch_optional(query),
            Pooling::Transaction => driver.fetch_optional(Unnamed(query)),
        }))
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
            let rows: Vec<Step> = match self.address.pooling {
                Pooling::Session => self.acquire().await?.fetch_many(query).try_collect().await?,
                // A statement is prepared and carried out in two steps, which have to meet the same session.
                Pooling::Transaction => {
                    let mut transaction = self.begin().await?;
                    let rows = transaction.fetch_many(query).try_collect().await?;
                    transaction.commit().await?;
                    rows
                }
            };
            Ok(stream::iter(rows.into_iter().map(Ok)))
        };
        rows.try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(async move {
            match self.address.pooling {
                Pooling::Session => self.acquire().await?.fetch_optional(query).await,
                Pooling::Transaction => {
                    let mut transaction = self.begin().await?;
                    let row = transaction.fetch_optional(query).await?;
                    transaction.commit().await?;
                    Ok(row)
                }
            }
        })
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
