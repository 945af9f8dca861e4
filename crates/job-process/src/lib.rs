//! What every job and every operators' command does around its work: settings, logs, signals, report, exit code. The report
//! goes to standard output, as text or as JSON; logs and errors to standard error. This crate must not know any job, provider
//! or queue.

mod database;
mod exit;
mod output;

pub use database::{Database, announce};
pub use exit::{EXIT_CODES, JobError, run, run_quietly};
pub use output::{age, instant, print, printable, value};
