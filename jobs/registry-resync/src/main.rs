#![doc = include_str!("../README.md")]

use std::process::ExitCode;

use authority::Role;
use record_sync::RecordUnit;
use resync_process::ResyncJob;

struct RegistryResync;

impl RecordUnit for RegistryResync {
    const NAME: &'static str = "registry-resync";
    const ROLE: Role = Role::Registry;
}

impl ResyncJob for RegistryResync {
    const ABOUT: &'static str = "Reads records of an internal system again, as its queue names them, and ends when the queue is empty";
}

fn main() -> ExitCode {
    resync_process::run::<RegistryResync>(env!("CARGO_PKG_VERSION"))
}
