//! The database that a job works on.

use event_contract::{Hop, TraceContext};
use postgres_store::{Announce, Store, StoreError};
use secrecy::SecretString;
use uuid::Uuid;
use worker_process::DATABASE_URL;

use crate::JobError;

settings::declare! {
    /// The settings of a job that works on the database.
    #[derive(Debug)]
    pub struct Database;

    url: SecretString = use DATABASE_URL;
}

impl Database {
    /// Connects, with at most this number of connections, and checks that the schema is new enough.
    ///
    /// # Errors
    /// [`StoreError`] for an invalid URL, when the database does not answer, or when its schema is too old.
    pub async fn open(&self, connections: u32) -> Result<Store, StoreError> {
        let store = Store::open(&self.url, connections)?;
        store.check_schema().await?;
        Ok(store)
    }
}

/// How a change by an operator or a job is announced: it comes from outside, and is its own cause.
///
/// # Errors
/// Never in practice: the first hop is below the limit.
pub fn announce() -> Result<Announce, JobError> {
    let hop = Hop::OUTSIDE.next().map_err(|error| JobError::Failed(error.to_string()))?;
    Ok(Announce { cause: Uuid::now_v7(), hop, traceparent: TraceContext::start() })
}
