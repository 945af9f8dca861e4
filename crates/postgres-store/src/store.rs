//! The connection to the one database.

use std::sync::Arc;
use std::time::Duration;

use authority::Policy;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};
use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::StoreError;

/// Longer than any statement here normally takes, shorter than the time limit of a handler's step.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// No statement here takes longer normally; one that does waits for a lock.
const STATEMENT_TIMEOUT: &str = "30s";

/// A connection that was idle for longer is pinged before use.
const UNTESTED: Duration = Duration::from_secs(1);

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// The connection to the database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
    pub(crate) outbox_filled: Arc<Notify>,
    pub(crate) policy: Arc<Policy>,
}

impl Store {
    /// Creates a pool of up to `max_connections`. It connects at the first use.
    ///
    /// # Errors
    /// [`StoreError::Url`] if `url` is not a `postgres://` URL.
    pub fn open(url: &SecretString, max_connections: u32) -> Result<Self, StoreError> {
        let url = url.expose_secret();
        // The driver accepts any scheme and would connect to whatever it reads from the rest.
        // The error does not quote the URL: it contains the password.
        if !SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
            return Err(StoreError::Url);
        }
        let options: PgConnectOptions = url.parse().map_err(|_| StoreError::Url)?;
        let options = options.application_name("coppice").options([("statement_timeout", STATEMENT_TIMEOUT)]);
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // Under load no connection is idle for long, which saves a round trip for each statement. If one breaks then, its
            // user retries.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > UNTESTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        Ok(Self { pool, outbox_filled: Arc::default(), policy: Arc::default() })
    }

    /// The same store with another policy than the default.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy: Arc::new(policy), ..self }
    }

    /// The policy by which persons are computed.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Checks that the database can be written to.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        let read_only =
            sqlx::query_scalar!(r#"select current_setting('transaction_read_only') = 'on' as "on!""#);
        match read_only.fetch_one(&self.pool).await? {
            false => Ok(()),
            true => Err(StoreError::Unavailable { code: String::from("25006") }),
        }
    }

    /// Checks that the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query!("select 1 as one").fetch_one(&self.pool).await?;
        Ok(())
    }

    /// The database's clock, for a check that clocks agree. Nothing is ordered by it.
    pub async fn server_time(&self) -> Result<OffsetDateTime, StoreError> {
        Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&self.pool).await?)
    }

    pub(crate) async fn snapshot(&self) -> Result<sqlx::Transaction<'_, sqlx::Postgres>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query!("set transaction isolation level repeatable read read only")
            .execute(&mut *transaction)
            .await?;
        Ok(transaction)
    }

    /// Closes every connection after the statements in progress.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
