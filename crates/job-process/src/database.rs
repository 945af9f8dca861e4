//! The database that a job works on, by the policy that the workers have too.

use authority::Policy;
use event_contract::{Hop, TraceContext};
use postgres_store::{Announce, Store};
use secrecy::SecretString;
use settings::{Reader, Setting};
use uuid::Uuid;
use worker_process::{DATABASE_URL, POLICY, read_policy};

use crate::JobError;

/// The settings of a job that works on the database, parsed.
#[derive(Debug)]
pub struct Database {
    url: SecretString,
    /// Who is believed about what.
    pub policy: Policy,
}

impl Database {
    /// The settings that are read, for `--help`.
    pub const SETTINGS: &'static [Setting] = &[DATABASE_URL, POLICY];

    /// Reads them. `None` when one is missing or wrong: the reader keeps what and why.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let (url, policy) = (reader.secret(DATABASE_URL), read_policy(reader));
        Some(Self { url: url?, policy: policy? })
    }

    /// Connects, with at most so many connections, and makes sure that the schema is new enough.
    ///
    /// # Errors
    /// [`JobError::Usage`] for a URL that is none, [`JobError::Failed`] when the database is not there or too old.
    pub async fn open(&self, connections: u32) -> Result<Store, JobError> {
        let store =
            Store::open(&self.url, connections).map_err(|error| JobError::Usage(error.to_string()))?;
        store.check_schema().await?;
        Ok(store.with_policy(self.policy.clone()))
    }
}

/// How a change that an operator or a job makes is announced: it comes from outside, and is its own cause.
///
/// # Errors
/// Never in practice: a hop can be added to none.
pub fn announce() -> Result<Announce, JobError> {
    let hop = Hop::OUTSIDE.next().map_err(|error| JobError::Failed(error.to_string()))?;
    Ok(Announce { cause: Uuid::now_v7(), hop, traceparent: TraceContext::start() })
}
