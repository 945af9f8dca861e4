#![doc = include_str!("../README.md")]

use std::process::ExitCode;

use authority::Role;
use record_sync::RecordUnit;
use resync_process::ResyncJob;

struct CrmResync;

impl RecordUnit for CrmResync {
    const NAME: &'static str = "crm-resync";
    const ROLE: Role = Role::Crm;
}

impl ResyncJob for CrmResync {
    const ABOUT: &'static str =
        "Reads contacts of the CRM again, as its queue names them, and ends when the queue is empty";
}

fn main() -> ExitCode {
    resync_process::run::<CrmResync>(env!("CARGO_PKG_VERSION"))
}
