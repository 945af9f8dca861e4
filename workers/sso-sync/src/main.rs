//! The `sso-sync` binary. See the library of the same name.

use std::process::ExitCode;

use sso_sync::SsoSync;
use worker_process::run;
use worker_runtime::Mode;

fn main() -> ExitCode {
    run::<SsoSync>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
