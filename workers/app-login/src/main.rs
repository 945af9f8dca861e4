//! The `app-login` binary. See the library of the same name.

use std::process::ExitCode;

use app_login::AppLogin;
use worker_process::run;
use worker_runtime::Mode;

fn main() -> ExitCode {
    run::<AppLogin>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
