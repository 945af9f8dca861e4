//! The `crm-sync` binary. See the library of the same name.

use std::process::ExitCode;

use crm_sync::CrmSync;
use worker_process::run;
use worker_runtime::Mode;

fn main() -> ExitCode {
    run::<CrmSync>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
