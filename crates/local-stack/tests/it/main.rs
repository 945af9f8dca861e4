//! The local stack against the real programs: the emulator, PostgreSQL, child processes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alarms;
mod database;
mod delivery;
mod processes;

use config::Config;
use local_stack::{EXAMPLE, Tools};

/// The programs, with progress on the test's own output.
fn tools() -> Tools {
    Tools::locate_or_install(|sentence| eprintln!("{sentence}")).unwrap()
}

/// The file of sources of the committed templates.
fn example() -> Config {
    Config::parse(EXAMPLE).unwrap()
}
