#![doc = include_str!("../README.md")]

mod batches;
mod handler;
mod mapping;
mod settings;

use postgres_store::Store;
use provider_crm::CrmClient;
use record_sync::RecordSync;
use worker_process::Worker;

pub use handler::CrmRecords;
pub use settings::CrmSettings;

/// The worker. The job `crm-resync` does not run it: it runs [`CrmRecords`].
#[derive(Debug, Clone, Copy)]
pub struct CrmSync;

impl Worker for CrmSync {
    type Handler = RecordSync<CrmRecords<CrmClient>>;
    type Settings = CrmSettings;

    const ABOUT: &'static str = "Keeps persons in step with the CRM";

    fn handler(settings: CrmSettings, store: Store) -> anyhow::Result<Self::Handler> {
        Ok(RecordSync::new(CrmRecords::new(settings.connect()?), store))
    }
}
