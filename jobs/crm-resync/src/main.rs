#![doc = include_str!("../README.md")]

use std::process::ExitCode;

use crm_sync::{CrmRecords, CrmSettings};
use provider_crm::{Admission, CrmClient};
use resync_process::ResyncJob;

struct CrmResync;

impl ResyncJob for CrmResync {
    type Source = CrmRecords<CrmClient>;
    type Settings = CrmSettings;

    const NAME: &'static str = "crm-resync";
    const ABOUT: &'static str =
        "Reads contacts of the CRM again, as its queue names them, and ends when the queue is empty";

    fn connect(settings: CrmSettings, admission: Admission) -> anyhow::Result<Self::Source> {
        Ok(CrmRecords::new(settings.connect_within(admission)?))
    }
}

fn main() -> ExitCode {
    resync_process::run::<CrmResync>(env!("CARGO_PKG_VERSION"))
}
