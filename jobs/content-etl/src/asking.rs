//! Asking the CMS, with patience: waits where waiting helps, gives up where it does not, and hears the signal to stop.
//!
//! In: a call. Out: its answer, or why the run ends. Must not know what is asked for.

use std::time::Duration;

use job_process::JobError;
use provider_content::{ChangesError, ChangesPage, ContentProvider, ProviderError};
use tokio_util::sync::CancellationToken;

/// The first wait for a CMS that is down. Each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait for one that is down, unless it asks for a longer one itself.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// So long one question may wait for a used-up quota, all waits together: as long as one reply may ask for.
const QUOTA_PATIENCE: Duration = Duration::from_secs(3600);

/// How questions are asked.
pub(crate) struct Asking {
    pub(crate) stop: CancellationToken,
    /// How often one question is asked of a CMS that is down.
    pub(crate) attempts: u32,
}

impl Asking {
    /// A page of changes. `None`: the cursor is refused.
    pub(crate) async fn page(
        &self,
        provider: &impl ContentProvider,
        cursor: Option<&str>,
    ) -> Result<Option<ChangesPage>, JobError> {
        let call = async || match provider.changed_since(cursor).await {
            Ok(page) => Ok(Some(page)),
            Err(ChangesError::CursorRefused) => Ok(None),
            Err(ChangesError::Provider(error)) => Err(error),
        };
        self.ask(call).await
    }

    /// The answer to a question. What is under way when the signal comes is given up: it has written nothing.
    ///
    /// # Errors
    /// [`JobError::Stopped`], or [`JobError::Failed`] when asking again is useless, or was for too long.
    pub(crate) async fn ask<T>(
        &self,
        mut call: impl AsyncFnMut() -> Result<T, ProviderError>,
    ) -> Result<T, JobError> {
        let (mut asked, mut waited) = (0, Duration::ZERO);
        loop {
            let error = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(stopped()),
                answer = call() => match answer {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                },
            };
            asked += u32::from(!matches!(error, ProviderError::RateLimited { .. }));
            let pause = pause(&error, asked).filter(|_| asked < self.attempts);
            let Some(pause) = pause.filter(|pause| waited + *pause <= QUOTA_PATIENCE) else {
                return Err(JobError::Failed(format!("the CMS gives no answer: {error}")));
            };
            tracing::warn!(%error, pause_secs = pause.as_secs(), "CMS is asked again");
            waited += pause;
            tokio::select! {
                () = self.stop.cancelled() => return Err(stopped()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// How long to wait before a question is asked again, after it was asked so often in vain. `None`: that is useless.
fn pause(error: &ProviderError, asked: u32) -> Option<Duration> {
    let doubled = FIRST_WAIT.saturating_mul(1 << asked.saturating_sub(1).min(6)).min(LONGEST_WAIT);
    match error {
        ProviderError::RateLimited { retry_after } => Some(*retry_after),
        ProviderError::Unavailable { retry_after, .. } => Some(retry_after.unwrap_or(doubled)),
        // A maintenance page comes with status 200.
        ProviderError::Malformed { .. } => Some(doubled),
        ProviderError::Unauthorized | ProviderError::Invalid { .. } => None,
    }
}

fn stopped() -> JobError {
    JobError::Stopped(String::from(
        "stopped before the end: what was loaded stands, and the next run goes on",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_content::ProviderError as Error;

    fn asking(attempts: u32) -> Asking {
        Asking { stop: CancellationToken::new(), attempts }
    }

    async fn asked(asking: &Asking, error: Error) -> (u32, Duration, Result<(), JobError>) {
        let mut calls = 0;
        let begun = tokio::time::Instant::now();
        let outcome = asking
            .ask(async || {
                calls += 1;
                Err(error.clone())
            })
            .await;
        (calls, begun.elapsed(), outcome)
    }

    #[tokio::test(start_paused = true)]
    async fn a_cms_that_is_down_is_asked_so_often_with_growing_waits() {
        let (calls, waited, outcome) = asked(&asking(4), Error::Malformed { line: 0, column: 0 }).await;
        assert!(matches!(outcome, Err(JobError::Failed(_))));
        assert_eq!((calls, waited.as_secs()), (4, 1 + 2 + 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_used_up_quota_costs_no_attempt_and_has_its_limit() {
        let limited = Error::RateLimited { retry_after: Duration::from_secs(600) };
        let (calls, waited, outcome) = asked(&asking(1), limited).await;
        assert!(matches!(outcome, Err(JobError::Failed(_))));
        assert_eq!((calls, waited.as_secs()), (7, 3600));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_person_must_mend_is_asked_once() {
        for error in [Error::Unauthorized, Error::Invalid { status: 404 }] {
            assert_eq!(asked(&asking(5), error).await.0, 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_ends_a_wait_and_a_question() {
        let one = asking(20);
        let stop = one.stop.clone();
        let waiting = asked(&one, Error::Malformed { line: 0, column: 0 });
        let (outcome, ()) = tokio::join!(waiting, async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            stop.cancel();
        });
        assert!(matches!(outcome.2, Err(JobError::Stopped(_))));
        assert_eq!(outcome.1.as_secs(), 5);
        let silent = one.ask(std::future::pending::<Result<(), Error>>).await;
        assert!(matches!(silent, Err(JobError::Stopped(_))));
    }
}
