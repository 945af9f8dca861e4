#![doc = include_str!("../README.md")]

use authority::Role;
use connectors::Source;
use postgres_store::Store;
use record_sync::{RecordSync, RecordUnit, SourceRecords};
use worker_process::Worker;

/// The worker that the binary runs.
#[derive(Debug, Clone, Copy)]
pub struct IdentityVerification;

impl RecordUnit for IdentityVerification {
    const NAME: &'static str = "identity-verification";
    const ROLE: Role = Role::Identity;
}

impl Worker for IdentityVerification {
    type Handler = RecordSync<Self>;

    const ABOUT: &'static str = "Keeps persons in step with what identity verification has found";

    fn handler(source: Source, store: Store) -> anyhow::Result<Self::Handler> {
        Self::check(&source)?;
        Ok(RecordSync::new(SourceRecords::new(source), store))
    }
}
