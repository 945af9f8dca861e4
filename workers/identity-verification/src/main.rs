//! The `identity-verification` binary. See the library of the same name.

use std::process::ExitCode;

use identity_verification::IdentityVerification;
use worker_process::run;
use worker_runtime::Mode;

fn main() -> ExitCode {
    run::<IdentityVerification>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
