//! Waits for a condition, with a limit. Must not know: the caller.

use std::time::{Duration, Instant};

use anyhow::anyhow;

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Calls `question` until it returns `Some`, at most for `limit`. An error counts as "not yet".
///
/// # Errors
/// After the limit. The error names `what`, and the last error of `question`.
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
            // The call itself hangs. Its earlier error says more.
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
    async fn the_wait_ends_when_the_answer_comes() {
        let mut left = 3;
        let answer = wait_until(Duration::from_secs(10), "three calls", async || {
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
