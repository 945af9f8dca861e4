//! What a command needs from the environment: the database, the queues, the providers.
//!
//! In: environment variables. Out: what the operations take as arguments. Each function reads all settings of one kind of
//! command, so that every missing or wrong one is listed at once.

use aws_config::BehaviorVersion;
use job_process::{Database, JobError};
use operations::dlq::{DeadLetterQueues, ProviderSettings};
use postgres_store::Store;
use settings::{Reader, both};
use worker_process::BUS_NAME;

/// One for the command, one in reserve.
const CONNECTIONS: u32 = 2;

/// The database's settings, and the policy that the workers have too.
pub(crate) fn database() -> Result<Database, JobError> {
    Ok(Reader::from_environment().load()?)
}

/// The database.
pub(crate) async fn store() -> Result<Store, JobError> {
    open(&database()?).await
}

pub(crate) async fn open(database: &Database) -> Result<Store, JobError> {
    database.open(CONNECTIONS).await
}

/// The DLQs of the stack.
pub(crate) async fn queues() -> Result<DeadLetterQueues, JobError> {
    with_aws(Reader::from_environment().read(BUS_NAME)?).await
}

/// The database and the DLQs.
pub(crate) async fn store_and_queues() -> Result<(Store, DeadLetterQueues), JobError> {
    let reader = Reader::from_environment();
    let (database, bus) = both(reader.load(), reader.read(BUS_NAME))?;
    Ok((open(&database).await?, with_aws(bus).await?))
}

/// The providers that a record can be compared with. Their settings may be missing.
pub(crate) fn providers() -> ProviderSettings {
    ProviderSettings::read(&Reader::from_environment())
}

async fn with_aws(bus: String) -> Result<DeadLetterQueues, JobError> {
    Ok(DeadLetterQueues::new(aws_config::load_defaults(BehaviorVersion::latest()).await, bus))
}
