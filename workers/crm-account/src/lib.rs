#![doc = include_str!("../README.md")]

mod decision;
mod handler;
mod settings;

use postgres_store::Store;
use provider_crm::CrmClient;
use worker_process::Worker;

pub use handler::{CrmAccountHandler, Push};
pub use settings::CrmSettings;

/// The worker that the binary runs.
#[derive(Debug, Clone, Copy)]
pub struct CrmAccount;

impl Worker for CrmAccount {
    type Handler = CrmAccountHandler<CrmClient>;
    type Settings = CrmSettings;

    const ABOUT: &'static str = "Pushes to the CRM the values that other sources know better";

    fn handler(settings: CrmSettings, store: Store) -> anyhow::Result<Self::Handler> {
        decision::check_pushed(store.policy())?;
        Ok(CrmAccountHandler::new(settings.connect()?, store))
    }
}
