//! The connection to the one database.

use std::sync::Arc;
use std::time::Duration;

use authority::Policy;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::StoreError;
use crate::address::{Address, Pooling};
use crate::bounded::{PgPool, Transaction};
use crate::rules::NewestRules;

/// The wait for a free or a new connection is a part of it.
const CHECK_LIMIT: Duration = Duration::from_secs(6);

/// The connection to the database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
    pub(crate) outbox_filled: Arc<Notify>,
    pub(crate) rules: NewestRules,
}

impl Store {
    /// Creates a pool of up to `max_connections`. It connects at the first use.
    ///
    /// # Errors
    /// [`StoreError::Url`] if `url` is not a `postgres://` URL, or a parameter of it is wrong.
    pub fn open(url: &SecretString, max_connections: u32) -> Result<Self, StoreError> {
        let address = Address::parse(url.expose_secret())?;
        let pool = PgPool::connect_lazy(address, max_connections);
        Ok(Self { pool, outbox_filled: Arc::default(), rules: NewestRules::default() })
    }

    /// How the connection is protected, in words for an operator.
    pub fn tls(&self) -> &'static str {
        self.pool.address().tls()
    }

    /// Whether a pooler gives each transaction any session, so that nothing which a session keeps can be relied on.
    pub fn shares_sessions(&self) -> bool {
        self.pool.address().pooling == Pooling::Transaction
    }

    /// The same store with another policy than the default. It counts while no version of `coppice.toml` was applied.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { rules: NewestRules::of(policy), ..self }
    }

    /// Checks that the database takes writes, over a connection that is used for work. Connections to a server that has become
    /// read-only or silent are closed, this one and, before their next use, all others. It ends after six seconds at the latest.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the code 25006 if the server is read-only.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        let checked = timeout(CHECK_LIMIT, self.pool.check_writable()).await;
        Ok(checked.map_err(|_| StoreError::no_answer())??)
    }

    /// The database's clock, for a check that clocks agree. Nothing is ordered by it.
    pub async fn server_time(&self) -> Result<OffsetDateTime, StoreError> {
        Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&self.pool).await?)
    }

    pub(crate) async fn snapshot(&self) -> Result<Transaction, StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query!("set transaction isolation level repeatable read read only")
            .execute(&mut *transaction)
            .await?;
        Ok(transaction)
    }

    /// Closes every connection after the statements in progress, and after two seconds at the latest.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
