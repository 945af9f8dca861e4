//! What a command needs from the environment: the database, the queues, the providers.

use aws_config::BehaviorVersion;
use job_process::{Database, JobError};
use operations::dlq::{DeadLetterQueues, ProviderSettings};
use postgres_store::Store;
use settings::{Reader, both};
use worker_process::BUS_NAME;

use crate::failure::job_error;

// One for the command, one in reserve.
const CONNECTIONS: u32 = 2;

pub(crate) fn database() -> Result<Database, JobError> {
    Ok(Reader::from_environment().load()?)
}

pub(crate) async fn store() -> Result<Store, JobError> {
    open(&database()?).await
}

pub(crate) async fn open(database: &Database) -> Result<Store, JobError> {
    database.open(CONNECTIONS).await.map_err(|error| job_error(error.into()))
}

pub(crate) async fn queues() -> Result<DeadLetterQueues, JobError> {
    with_aws(Reader::from_environment().read(BUS_NAME)?).await
}

pub(crate) async fn store_and_queues() -> Result<(Store, DeadLetterQueues), JobError> {
    let reader = Reader::from_environment();
    // Both are read, so that every missing or wrong setting is listed at once.
    let (database, bus) = both(reader.load(), reader.read(BUS_NAME))?;
    Ok((open(&database).await?, with_aws(bus).await?))
}

// Their settings may be missing.
pub(crate) fn providers() -> ProviderSettings {
    ProviderSettings::read(&Reader::from_environment())
}

async fn with_aws(bus: String) -> Result<DeadLetterQueues, JobError> {
    Ok(DeadLetterQueues::new(aws_config::load_defaults(BehaviorVersion::latest()).await, bus))
}
