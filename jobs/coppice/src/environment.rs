//! What a command needs from the environment: the database, the queues, the providers, a file.

use std::io;
use std::path::Path;

use aws_config::BehaviorVersion;
use config::{CONFIG, Config};
use job_process::{Database, JobError};
use operations::dlq::DeadLetterQueues;
use postgres_store::Store;
use settings::{Reader, both};
use worker_process::BUS_NAME;

use crate::failure::job_error;

// One for the command, one in reserve.
const CONNECTIONS: u32 = 2;

pub(crate) async fn store() -> Result<Store, JobError> {
    open(&Reader::from_environment().load()?).await
}

/// A store that computes by the newest version of `coppice.toml`, as every unit does.
pub(crate) async fn open(database: &Database) -> Result<Store, JobError> {
    let store = database.open(CONNECTIONS).await.map_err(|error| job_error(error.into()))?;
    store.read_rules().await.map_err(|error| job_error(error.into()))?;
    Ok(store)
}

pub(crate) async fn queues() -> Result<DeadLetterQueues, JobError> {
    let reader = Reader::from_environment();
    let (bus, config) = both(reader.read(BUS_NAME), reader.read(CONFIG))?;
    with_aws(bus, &config).await
}

pub(crate) async fn store_and_queues() -> Result<(Store, DeadLetterQueues, Config), JobError> {
    let reader = Reader::from_environment();
    // All are read, so that every missing or wrong setting is listed at once.
    let of_aws = both(reader.read(BUS_NAME), reader.read(CONFIG));
    let (database, (bus, config)) = both(reader.load::<Database>(), of_aws)?;
    let (store, queues) = (open(&database).await?, with_aws(bus, &config).await?);
    Ok((store, queues, config))
}

async fn with_aws(bus: String, config: &Config) -> Result<DeadLetterQueues, JobError> {
    Ok(DeadLetterQueues::new(aws_config::load_defaults(BehaviorVersion::latest()).await, bus, config))
}

/// The text of a file that an argument names.
pub(crate) fn read_text(file: &Path) -> Result<String, JobError> {
    std::fs::read_to_string(file).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound => String::from("the file does not exist"),
            kind => format!("cannot be read: {kind}"),
        };
        JobError::Usage(format!("{}: {why}", file.display()))
    })
}
