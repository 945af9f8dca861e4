//! `crm-sync` that panics at one contact: for the test that a panic costs one message and not the process.

use std::process::ExitCode;

use crm_sync::CrmSync;
use worker_process::panicking::Panicking;
use worker_process::run;
use worker_runtime::Mode;

fn main() -> ExitCode {
    run::<Panicking<CrmSync>>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
