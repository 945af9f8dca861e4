//! `crm-account` that panics at one person: for the test that a panic costs one message and not the process.

use std::process::ExitCode;

use crm_account::CrmAccount;
use worker_process::panicking::Panicking;
use worker_process::run;
use worker_runtime::Mode;

fn main() -> ExitCode {
    run::<Panicking<CrmAccount>>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
