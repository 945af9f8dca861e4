//! Waiting for something to become true.
//!
//! In: a question that can be asked again. Out: its answer, or what was waited for and why it did not come.
//! Must not know: who asks.

use std::time::{Duration, Instant};

use anyhow::anyhow;

/// First pause between two askings; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Asks `question` until it answers `Some`, at most for `limit`. An error counts as "not yet".
///
/// # Errors
/// When the limit is over: names `what` was waited for, and the last error.
pub async fn wait_until<T, F>(limit: Duration, what: &str, mut question: F) -> anyhow::Result<T>
where
    F: AsyncFnMut() -> anyhow::Result<Option<T>>,
{
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut last_error = None;
    loop {
        let left = limit.saturating_sub(started.elapsed());
        match tokio::time::timeout(left, question()).await {
            Ok(Ok(Some(answer))) => return Ok(answer),
            Ok(Ok(None)) => last_error = None,
            Ok(Err(error)) => last_error = Some(error),
            // The question itself hangs; what it said before is the better clue.
            Err(_) => {}
        }
        if started.elapsed() >= limit {
            let late = format!("waited {limit:?} for {what}");
            return Err(match last_error {
                Some(error) => error.context(late),
                None => anyhow!(late),
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_that_comes_later_is_waited_for() {
        let mut left = 3;
        let answer = wait_until(Duration::from_secs(10), "three askings", async || {
            left -= 1;
            Ok((left == 0).then_some("here"))
        });
        assert_eq!(answer.await.unwrap(), "here");
    }

    #[tokio::test]
    async fn the_error_at_the_limit_names_the_last_error() {
        let never =
            wait_until::<(), _>(Duration::from_millis(20), "a miracle", async || Err(anyhow!("not today")));
        let text = format!("{:#}", never.await.unwrap_err());
        assert!(text.contains("a miracle") && text.contains("not today"), "{text}");
    }
}
