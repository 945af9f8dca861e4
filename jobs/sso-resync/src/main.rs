#![doc = include_str!("../README.md")]

use std::process::ExitCode;

use provider_sso::{Admission, SsoClient};
use resync_process::ResyncJob;
use sso_sync::{SsoRecords, SsoSettings};

struct SsoResync;

impl ResyncJob for SsoResync {
    type Source = SsoRecords<SsoClient>;
    type Settings = SsoSettings;

    const NAME: &'static str = "sso-resync";
    const ABOUT: &'static str = "Reads users of the identity provider again, as its queue names them, and ends when the queue is empty";

    fn connect(settings: SsoSettings, admission: Admission) -> anyhow::Result<Self::Source> {
        Ok(SsoRecords(settings.connect_within(admission)?))
    }
}

fn main() -> ExitCode {
    resync_process::run::<SsoResync>(env!("CARGO_PKG_VERSION"))
}
