//! Retries the call for a page, and says why a run ends early.

use std::time::Duration;

use connectors::ProviderError;
use job_process::JobError;
use tokio_util::sync::CancellationToken;

/// Attempts at one page while the provider fails.
const ATTEMPTS: u32 = 4;
/// Waits in a row for a used-up quota.
const PAUSES: u32 = 20;
/// First wait after a failure; doubled with each.
const PAUSE: Duration = Duration::from_millis(500);

/// Calls until there is an answer: a few times if the provider fails, for longer if it only asks to wait.
pub(crate) async fn patiently<T>(
    stop: &CancellationToken,
    ask: impl AsyncFn() -> Result<T, ProviderError>,
) -> Result<T, JobError> {
    let (mut failures, mut pauses) = (0, 0);
    loop {
        let wait = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(ProviderError::RateLimited { retry_after }) if pauses < PAUSES => {
                pauses += 1;
                tracing::info!(secs = retry_after.as_secs(), "the provider asks to wait");
                retry_after
            }
            Err(ProviderError::Unavailable { retry_after, .. }) if failures + 1 < ATTEMPTS => {
                failures += 1;
                retry_after.unwrap_or(PAUSE * 2_u32.pow(failures - 1))
            }
            Err(error) => return Err(given_up(&error)),
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return Err(stopped()),
        }
    }
}

fn given_up(error: &ProviderError) -> JobError {
    let hint = match error {
        ProviderError::Invalid { .. } | ProviderError::Refused { .. } => {
            "; if the provider no longer knows the place of the last run: --restart, with --since for a feed of changes"
        }
        _ => "; run again to resume from this page",
    };
    JobError::Failed(format!("a page of the provider cannot be read: {error}{hint}"))
}

pub(crate) fn stopped() -> JobError {
    JobError::Stopped(String::from("stopped by a signal: run again to resume"))
}

/// Another process has ended, restarted or advanced the run.
pub(crate) fn superseded() -> JobError {
    JobError::Failed(String::from(
        "another process works on this run, or has ended it: run again to see what is left",
    ))
}
