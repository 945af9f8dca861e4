#![doc = include_str!("../README.md")]

mod decision;
mod handler;
mod properties;

use connectors::Source;
use postgres_store::Store;
use worker_process::Worker;

pub use handler::{CrmAccountHandler, Push};

/// The worker that the binary runs.
#[derive(Debug, Clone, Copy)]
pub struct CrmAccount;

impl Worker for CrmAccount {
    type Handler = CrmAccountHandler;

    const ABOUT: &'static str = "Pushes to a source the values that other sources know better";

    fn handler(source: Source, store: Store) -> anyhow::Result<Self::Handler> {
        CrmAccountHandler::new(source, store)
    }
}
