#![doc = include_str!("../README.md")]

mod handler;
mod mapping;
mod settings;

use postgres_store::Store;
use provider_identity::IdentityClient;
use record_sync::RecordSync;
use worker_process::Worker;

pub use handler::IdentityRecords;
pub use settings::IdentitySettings;

/// The worker that the binary runs. Identity verification has no resync job.
#[derive(Debug, Clone, Copy)]
pub struct IdentityVerification;

impl Worker for IdentityVerification {
    type Handler = RecordSync<IdentityRecords<IdentityClient>>;
    type Settings = IdentitySettings;

    const ABOUT: &'static str = "Keeps persons in step with what identity verification has found";

    fn handler(settings: IdentitySettings, store: Store) -> anyhow::Result<Self::Handler> {
        Ok(RecordSync::new(IdentityRecords(settings.connect()?), store))
    }
}
