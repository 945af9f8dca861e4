//! The `webhook-ingress` binary. See the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    webhook_ingress::run(env!("CARGO_PKG_VERSION"))
}
