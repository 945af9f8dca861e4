//! What every command needs: the database, and AWS with the bus's name.

use config::{CONFIG, Config};
use job_process::{Database, JobError};
use postgres_store::Store;
use settings::Reader;
use worker_process::{BUS_NAME, LOG};

use crate::cloud::Cloud;

settings::declare! {
    /// The settings of every command.
    pub(crate) struct DrillSettings;

    database: Database = load;
    bus_name: String = use BUS_NAME;
    // Its branches are the units that arguments name: `unit.rs` reads it first, and cannot say what is wrong with it.
    _config: Config = use CONFIG;
    list use LOG;
}

// One for the command, one in reserve.
const CONNECTIONS: u32 = 2;

pub(crate) struct Clients {
    pub(crate) store: Store,
    pub(crate) cloud: Cloud,
}

impl Clients {
    pub(crate) async fn find() -> Result<Self, JobError> {
        let DrillSettings { database, bus_name, _config } = Reader::from_environment().load()?;
        let cloud = Cloud::connect(bus_name).await;
        cloud.check_bus().await?;
        Ok(Self { store: database.open(CONNECTIONS).await?, cloud })
    }
}
