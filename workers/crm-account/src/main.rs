//! The `crm-account` binary. See the library of the same name.

use std::process::ExitCode;

use crm_account::CrmAccount;
use worker_process::run;
use worker_runtime::Mode;

fn main() -> ExitCode {
    run::<CrmAccount>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
