#![doc = include_str!("../README.md")]

use std::process::ExitCode;

use authority::Role;
use record_sync::RecordUnit;
use resync_process::ResyncJob;

struct SsoResync;

impl RecordUnit for SsoResync {
    const NAME: &'static str = "sso-resync";
    const ROLE: Role = Role::Sso;
}

impl ResyncJob for SsoResync {
    const ABOUT: &'static str = "Reads users of the identity provider again, as its queue names them, and ends when the queue is empty";
}

fn main() -> ExitCode {
    resync_process::run::<SsoResync>(env!("CARGO_PKG_VERSION"))
}
