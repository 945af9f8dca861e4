#![doc = include_str!("../README.md")]

mod handler;
mod settings;

use postgres_store::Store;
use provider_sso::SsoClient;
use record_sync::RecordSync;
use worker_process::Worker;

pub use handler::SsoRecords;
pub use settings::SsoSettings;

/// The worker. The job `sso-resync` does not run it: it runs [`SsoRecords`].
#[derive(Debug, Clone, Copy)]
pub struct SsoSync;

impl Worker for SsoSync {
    type Handler = RecordSync<SsoRecords<SsoClient>>;
    type Settings = SsoSettings;

    const ABOUT: &'static str = "Keeps persons in step with the identity provider";

    fn handler(settings: SsoSettings, store: Store) -> anyhow::Result<Self::Handler> {
        Ok(RecordSync::new(SsoRecords(settings.connect()?), store))
    }
}
