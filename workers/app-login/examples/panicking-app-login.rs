//! `app-login` that panics at one sign-in: for the test that a panic costs one message and not the process.

use std::process::ExitCode;

use app_login::AppLogin;
use worker_process::panicking::Panicking;
use worker_process::run;
use worker_runtime::Mode;

fn main() -> ExitCode {
    run::<Panicking<AppLogin>>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
