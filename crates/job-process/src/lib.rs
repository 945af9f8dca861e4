//! What every job and every operators' command does around its work: settings, logs, signals, report, exit code.
//!
//! In: a job's work, as a future with a token that is cancelled when it has to stop. Out: its report on standard output, as
//! text or as JSON; logs and errors on standard error; an exit code that means the same for every job. This crate must not
//! know any job, provider or queue.

mod database;
mod exit;
mod output;

pub use database::{Database, announce};
pub use exit::{EXIT_CODES, JobError, run, run_quietly};
pub use output::{age, instant, print, printable, value};
