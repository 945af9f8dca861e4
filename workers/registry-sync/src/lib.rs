#![doc = include_str!("../README.md")]

use authority::Role;
use connectors::Source;
use postgres_store::Store;
use record_sync::{RecordSync, RecordUnit, SourceRecords};
use worker_process::Worker;

/// The worker that the binary runs.
#[derive(Debug, Clone, Copy)]
pub struct RegistrySync;

impl RecordUnit for RegistrySync {
    const NAME: &'static str = "registry-sync";
    const ROLE: Role = Role::Registry;
}

impl Worker for RegistrySync {
    type Handler = RecordSync<Self>;

    const ABOUT: &'static str = "Keeps persons in step with an internal system of record";

    fn handler(source: Source, store: Store) -> anyhow::Result<Self::Handler> {
        Self::check(&source)?;
        Ok(RecordSync::new(SourceRecords::new(source), store))
    }
}
