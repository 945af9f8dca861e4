#![doc = include_str!("../README.md")]

mod decision;
mod handler;
mod settings;

use ::settings::{Reader, Setting};
use postgres_store::Store;
use provider_crm::CrmClient;
use worker_process::Worker;

pub use handler::{CrmAccountHandler, Push};
pub use settings::{CRM_SETTINGS, CrmSettings};

/// The worker, as its binary runs it.
#[derive(Debug, Clone, Copy)]
pub struct CrmAccount;

impl Worker for CrmAccount {
    type Handler = CrmAccountHandler<CrmClient>;
    type Settings = CrmSettings;

    const ABOUT: &'static str = "Tells the CRM what other systems know better of a person";
    const SETTINGS: &'static [Setting] = CRM_SETTINGS;

    fn read_settings(reader: &mut Reader) -> Option<CrmSettings> {
        CrmSettings::read(reader)
    }

    fn handler(settings: CrmSettings, store: Store) -> anyhow::Result<Self::Handler> {
        Ok(CrmAccountHandler::new(settings.connect()?, store))
    }
}
