//! The connection to the one database.

use std::sync::Arc;
use std::time::Duration;

use authority::Policy;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::StoreError;
use crate::bounded::{PgPool, Transaction};

/// What the server ends by itself. No statement here takes so long normally. A wait for a lock ends first, and well before the time
/// limit of a handler's step, so that the error names the cause. The driver cannot set the options of its end of a TCP
/// connection. The server sets those of its own end: a process that is gone without a word keeps no transaction and no lock for
/// longer than about a minute.
const SERVER_LIMITS: [(&str, &str); 7] = [
    ("statement_timeout", "30s"),
    ("lock_timeout", LOCK_TIMEOUT),
    ("idle_in_transaction_session_timeout", "30s"),
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "60000"),
];

pub(crate) const LOCK_TIMEOUT: &str = "10s";

/// The wait for a free or a new connection is a part of it.
const CHECK_LIMIT: Duration = Duration::from_secs(6);

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
        let options = options.application_name("coppice").options(SERVER_LIMITS);
        let pool = PgPool::connect_lazy(options, max_connections);
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
