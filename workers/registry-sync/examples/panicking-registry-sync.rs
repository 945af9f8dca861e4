//! `registry-sync` that panics at one record: for the test that a panic costs one message and not the process.

use std::process::ExitCode;

use registry_sync::RegistrySync;
use worker_process::panicking::Panicking;
use worker_process::run;
use worker_runtime::Mode;

fn main() -> ExitCode {
    run::<Panicking<RegistrySync>>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
