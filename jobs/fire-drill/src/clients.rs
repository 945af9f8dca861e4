//! What every command needs: the database, and AWS with the bus's name.
//!
//! In: settings. Out: an open store, and a bus that exists.

use job_process::{Database, JobError};
use postgres_store::Store;
use settings::{Reader, Setting};
use worker_process::{BUS_NAME, DATABASE_URL, LOG};

use crate::cloud::Cloud;

/// The settings that are read, for `--help`.
pub(crate) const SETTINGS: &[Setting] = &[DATABASE_URL, BUS_NAME, LOG];

/// One for the command, one in reserve.
const CONNECTIONS: u32 = 2;

/// The database and the cloud.
pub(crate) struct Clients {
    pub(crate) store: Store,
    pub(crate) cloud: Cloud,
}

impl Clients {
    pub(crate) async fn find() -> Result<Self, JobError> {
        let mut reader = Reader::from_environment();
        let (database, bus_name) = (Database::read(&mut reader), reader.read::<String>(BUS_NAME));
        reader.finish()?;
        let missing = || JobError::Usage(String::from("settings are missing"));
        let (database, bus_name) = database.zip(bus_name).ok_or_else(missing)?;
        let cloud = Cloud::connect(bus_name).await;
        cloud.check_bus().await?;
        Ok(Self { store: database.open(CONNECTIONS).await?, cloud })
    }
}
