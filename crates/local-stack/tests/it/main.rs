//! The local stack against the real programs: the emulator, PostgreSQL, child processes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alarms;
mod database;
mod delivery;
mod processes;

use local_stack::Tools;

/// The programs, with progress on the test's own output.
fn tools() -> Tools {
    Tools::locate_or_install(|sentence| eprintln!("{sentence}")).unwrap()
}
