#![doc = include_str!("../README.md")]

use authority::Role;
use connectors::Source;
use postgres_store::Store;
use record_sync::{RecordSync, RecordUnit, SourceRecords};
use worker_process::Worker;

/// The worker that the binary runs.
#[derive(Debug, Clone, Copy)]
pub struct CrmSync;

impl RecordUnit for CrmSync {
    const NAME: &'static str = "crm-sync";
    const ROLE: Role = Role::Crm;
}

impl Worker for CrmSync {
    type Handler = RecordSync<Self>;

    const ABOUT: &'static str = "Keeps persons in step with the CRM";

    fn handler(source: Source, store: Store) -> anyhow::Result<Self::Handler> {
        Self::check(&source)?;
        Ok(RecordSync::new(SourceRecords::new(source), store))
    }
}
