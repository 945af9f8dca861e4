//! The `registry-sync` binary. See the library of the same name.

use std::process::ExitCode;

use registry_sync::RegistrySync;
use worker_process::run;
use worker_runtime::Mode;

fn main() -> ExitCode {
    run::<RegistrySync>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
