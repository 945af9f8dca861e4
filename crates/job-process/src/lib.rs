//! What every job and every operators' command does around its work: settings, logs, signals, report, exit code.
//!
//! In: a job's work, as a future that is told when to stop. Out: its report on standard output, as text for people or
//! as JSON; logs and what went wrong on standard error; an exit code that means the same for every job. This crate must
//! not know any job, provider or queue.

mod database;
mod exit;
mod output;

pub use database::{Database, announce};
pub use exit::{EXIT_CODES, JobError, run, run_quietly};
pub use output::{age, instant, print, printable, value};
