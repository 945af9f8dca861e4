//! `identity-verification` that panics at one session: for the test that a panic costs one message and not the process.

use std::process::ExitCode;

use identity_verification::IdentityVerification;
use worker_process::panicking::Panicking;
use worker_process::run;
use worker_runtime::Mode;

fn main() -> ExitCode {
    run::<Panicking<IdentityVerification>>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
