//! `sso-sync` that panics at one user: for the test that a panic costs one message and not the process.

use std::process::ExitCode;

use sso_sync::SsoSync;
use worker_process::panicking::Panicking;
use worker_process::run;
use worker_runtime::Mode;

fn main() -> ExitCode {
    run::<Panicking<SsoSync>>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
