//! How a job runs and how it ends.

use std::process::ExitCode;

use postgres_store::{LinkRefusal, StoreError};
use settings::{Reader, SettingsError};
use tokio_util::sync::CancellationToken;
use worker_process::{DATABASE_URL, LOG, cancel_on_termination, log_panics_without_their_message};

/// What the exit codes mean, for `--help`. The same for every job.
pub const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed, or a check found a fault; 2 wrong usage or settings; \
     3 not found; 4 a guard stopped the job; 5 a signal stopped the job";

/// Why a job did not do what it was asked to.
#[derive(Debug)]
pub enum JobError {
    /// It failed, or a check found a fault. Exit code 1. The text is empty if the report says it already.
    Failed(String),
    /// Wrong usage or settings. Exit code 2.
    Usage(String),
    /// There is no such person, record or message. Exit code 3.
    NotFound(String),
    /// A guard stopped it before it did harm. The text says how to continue. Exit code 4.
    Guarded(String),
    /// A signal stopped it before its end, and what it did so far stands. Exit code 5.
    Stopped(String),
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        match error {
            // The database was not asked: a setting is wrong.
            StoreError::Url(_) => Self::Usage(format!("{}: {error}", DATABASE_URL.name)),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<SettingsError> for JobError {
    fn from(error: SettingsError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<anyhow::Error> for JobError {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(format!("{error:#}"))
    }
}

impl From<LinkRefusal> for JobError {
    fn from(refusal: LinkRefusal) -> Self {
        match refusal {
            LinkRefusal::NoRecord { .. } | LinkRefusal::NoPerson(_) => Self::NotFound(refusal.to_string()),
            LinkRefusal::SamePerson(_) | LinkRefusal::NothingToUndo | LinkRefusal::Store(_) => {
                Self::Failed(refusal.to_string())
            }
        }
    }
}

/// A job's `main` after its arguments. Logs as JSON on standard error. SIGTERM and SIGINT cancel the token of the work.
pub fn run<F>(name: &'static str, work: impl FnOnce(CancellationToken) -> F) -> ExitCode
where
    F: Future<Output = Result<(), JobError>>,
{
    let logged = Reader::from_environment().read(LOG).map_err(JobError::from).and_then(|filter| {
        telemetry::start_logs(&filter).map_err(|error| JobError::Usage(format!("{}: {error}", LOG.name)))
    });
    if let Err(failure) = logged {
        return exit_code(name, Err(failure));
    }
    log_panics_without_their_message();
    run_quietly(name, work)
}

/// The same for a command at an operator's terminal: it writes no logs.
pub fn run_quietly<F>(name: &'static str, work: impl FnOnce(CancellationToken) -> F) -> ExitCode
where
    F: Future<Output = Result<(), JobError>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done =
        runtime.map_err(|error| JobError::Failed(format!("no runtime: {error}"))).and_then(|runtime| {
            runtime.block_on(async {
                let stop = CancellationToken::new();
                cancel_on_termination(stop.clone())
                    .map_err(|error| JobError::Failed(format!("no signal handlers: {error}")))?;
                work(stop).await
            })
        });
    exit_code(name, done)
}

fn exit_code(name: &str, done: Result<(), JobError>) -> ExitCode {
    let (text, code) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(JobError::Failed(text)) => (text, 1),
        Err(JobError::Usage(text)) => (text, 2),
        Err(JobError::NotFound(text)) => (text, 3),
        Err(JobError::Guarded(text)) => (text, 4),
        Err(JobError::Stopped(text)) => (text, 5),
    };
    if !text.is_empty() {
        eprintln!("{name}: {text}");
    }
    ExitCode::from(code)
}
