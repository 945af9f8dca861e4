//! Calls of the CMS with retries: waits if waiting helps, gives up if it does not, and ends on a signal. Must not know what the
//! call fetches.

use std::time::Duration;

use job_process::JobError;
use provider_content::{ChangesError, ChangesPage, ContentProvider, ProviderError};
use tokio_util::sync::CancellationToken;

const FIRST_WAIT: Duration = Duration::from_secs(1);

// The CMS itself may ask for a longer wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

// All waits of one call together: as long as one reply may ask for.
const LONGEST_QUOTA_WAIT: Duration = Duration::from_secs(3600);

/// The CMS's answer to a request for a page.
pub(crate) enum Paged {
    Page(ChangesPage),
    CursorRefused,
    /// Everything has to be read again, in smaller pages.
    TooLarge,
}

pub(crate) struct Calls {
    pub(crate) stop: CancellationToken,
    /// Attempts at one call while the CMS is down.
    pub(crate) attempts: u32,
}

impl Calls {
    /// A page of changes.
    pub(crate) async fn page(
        &self,
        provider: &impl ContentProvider,
        cursor: Option<&str>,
    ) -> Result<Paged, JobError> {
        let call = async || match provider.changed_since(cursor).await {
            Ok(page) => Ok(Paged::Page(page)),
            Err(ChangesError::CursorRefused) => Ok(Paged::CursorRefused),
            Err(ChangesError::PageTooLarge) => Ok(Paged::TooLarge),
            Err(ChangesError::Provider(error)) => Err(error),
        };
        self.call(call).await
    }

    pub(crate) async fn call<T>(
        &self,
        mut call: impl AsyncFnMut() -> Result<T, ProviderError>,
    ) -> Result<T, JobError> {
        let (mut attempts, mut waited) = (0, Duration::ZERO);
        loop {
            // A signal ends a call under way, which has written nothing.
            let error = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(stopped()),
                answer = call() => match answer {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                },
            };
            // A used-up quota is no failed attempt.
            attempts += u32::from(!matches!(error, ProviderError::RateLimited { .. }));
            let pause = pause(&error, attempts).filter(|_| attempts < self.attempts);
            let Some(pause) = pause.filter(|pause| waited + *pause <= LONGEST_QUOTA_WAIT) else {
                return Err(JobError::Failed(format!("the CMS does not answer: {error}")));
            };
            tracing::warn!(%error, pause_secs = pause.as_secs(), "CMS will be called again");
            waited += pause;
            tokio::select! {
                () = self.stop.cancelled() => return Err(stopped()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// The wait before the next attempt, after this number of failed ones. `None`: another attempt is useless.
fn pause(error: &ProviderError, attempts: u32) -> Option<Duration> {
    let doubled = FIRST_WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(6)).min(LONGEST_WAIT);
    match error {
        ProviderError::RateLimited { retry_after } => Some(*retry_after),
        ProviderError::Unavailable { retry_after, .. } => Some(retry_after.unwrap_or(doubled)),
        // A maintenance page comes with status 200.
        ProviderError::Malformed { .. } | ProviderError::Unusable { .. } => Some(doubled),
        ProviderError::Unauthorized
        | ProviderError::Invalid { .. }
        | ProviderError::Refused { .. }
        | ProviderError::Unreadable { .. }
        | ProviderError::TooLarge { .. } => None,
    }
}

fn stopped() -> JobError {
    JobError::Stopped(String::from("stopped before the end: the loaded pages stay, and the next run resumes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_content::ProviderError as Error;

    fn calls(attempts: u32) -> Calls {
        Calls { stop: CancellationToken::new(), attempts }
    }

    async fn called(calling: &Calls, error: Error) -> (u32, Duration, Result<(), JobError>) {
        let mut calls = 0;
        let begun = tokio::time::Instant::now();
        let outcome = calling
            .call(async || {
                calls += 1;
                Err(error.clone())
            })
            .await;
        (calls, begun.elapsed(), outcome)
    }

    #[tokio::test(start_paused = true)]
    async fn a_cms_that_is_down_is_called_with_growing_waits_up_to_the_limit() {
        let (calls, waited, outcome) = called(&calls(4), Error::Malformed { line: 0, column: 0 }).await;
        assert!(matches!(outcome, Err(JobError::Failed(_))));
        assert_eq!((calls, waited.as_secs()), (4, 1 + 2 + 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_used_up_quota_costs_no_attempt_and_has_its_limit() {
        let limited = Error::RateLimited { retry_after: Duration::from_secs(600) };
        let (calls, waited, outcome) = called(&calls(1), limited).await;
        assert!(matches!(outcome, Err(JobError::Failed(_))));
        assert_eq!((calls, waited.as_secs()), (7, 3600));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_an_operator_must_fix_is_not_retried() {
        for error in [Error::Unauthorized, Error::Invalid { status: 404 }] {
            assert_eq!(called(&calls(5), error).await.0, 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_ends_a_wait_and_a_call() {
        let one = calls(20);
        let stop = one.stop.clone();
        let waiting = called(&one, Error::Malformed { line: 0, column: 0 });
        let (outcome, ()) = tokio::join!(waiting, async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            stop.cancel();
        });
        assert!(matches!(outcome.2, Err(JobError::Stopped(_))));
        assert_eq!(outcome.1.as_secs(), 5);
        let silent = one.call(std::future::pending::<Result<(), Error>>).await;
        assert!(matches!(silent, Err(JobError::Stopped(_))));
    }
}
