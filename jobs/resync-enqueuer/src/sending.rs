//! Sends the run's records to the queue, a batch at a time, with a checkpoint after each batch. Must not know how the IDs were
//! gathered.

use std::time::Duration;

use event_contract::resync_message;
use futures::stream::{self, StreamExt, TryStreamExt};
use job_process::JobError;
use postgres_store::{ResyncItem, ResyncRun, Store};
use sqs_queue::{BATCH_LIMIT, EntryError, OutgoingMessage, Queue, QueueError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::patience::{stopped, superseded};

/// Concurrent calls of SQS.
const CALLS: usize = 8;
/// Attempts to send the entries of one call.
const ATTEMPTS: u32 = 7;
/// First wait after a failed attempt; doubled with each: in all some 13 s.
const PAUSE: Duration = Duration::from_millis(200);
// This bounds what a killed job sends again.
const LONGEST_BATCH_SECS: u32 = 5;
const PROGRESS: Duration = Duration::from_secs(5);

/// Size of a batch, and rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) batch_size: u32,
    /// Records per second. 0: no limit.
    pub(crate) rate: u32,
}

impl Pace {
    fn batch(self) -> u32 {
        match self.rate {
            0 => self.batch_size,
            rate => self.batch_size.min(rate.saturating_mul(LONGEST_BATCH_SECS)),
        }
    }
}

/// Sends the rest of a run, and counts the records in `sent`.
pub(crate) async fn send<Q: Queue>(
    store: &Store,
    queue: &Q,
    source: &str,
    run: &mut ResyncRun,
    pace: Pace,
    stop: &CancellationToken,
    sent: &mut u64,
) -> Result<(), JobError> {
    let (started, mut logged) = (Instant::now(), Instant::now());
    let before = *sent;
    loop {
        if stop.is_cancelled() {
            return Err(stopped());
        }
        let limit = i64::from(pace.batch());
        let items = store.next_resync_items(run.run_id, run.sent_through, limit).await?;
        let Some(last) = items.last() else { return Ok(()) };
        tokio::select! {
            ended = send_batch(queue, source, &items, pace.rate, started, *sent - before) => ended?,
            () = stop.cancelled() => return Err(stopped()),
        }
        *sent += items.len() as u64;
        run.sent_through = last.position;
        if !store.move_resync_run(run.run_id, run.sent_through).await? {
            return Err(superseded());
        }
        if logged.elapsed() >= PROGRESS {
            logged = Instant::now();
            let left = store.count_resync_items(run.run_id, run.sent_through).await?;
            tracing::info!(sent = *sent, left, "records sent");
        }
    }
}

async fn send_batch<Q: Queue>(
    queue: &Q,
    source: &str,
    items: &[ResyncItem],
    rate: u32,
    started: Instant,
    sent: u64,
) -> Result<(), JobError> {
    // With a rate: one call after the other, each at the time when its first record is due.
    let calls = if rate == 0 { CALLS } else { 1 };
    stream::iter(items.chunks(BATCH_LIMIT).zip((sent..).step_by(BATCH_LIMIT)))
        .map(|(items, before)| async move {
            if rate > 0 {
                #[expect(clippy::cast_precision_loss, reason = "far below 2^52 records")]
                let due = Duration::from_secs_f64(before as f64 / f64::from(rate));
                tokio::time::sleep_until(started + due).await;
            }
            send_call(queue, items.iter().map(|item| message(source, &item.external_id)).collect()).await
        })
        .buffer_unordered(calls)
        .try_collect()
        .await
}

fn message(source: &str, id: &str) -> OutgoingMessage {
    OutgoingMessage { body: resync_message(source, id), ..OutgoingMessage::default() }
}

/// Sends the entries of one call, and those that failed again, until SQS has taken each.
async fn send_call<Q: Queue>(queue: &Q, mut messages: Vec<OutgoingMessage>) -> Result<(), JobError> {
    let mut last = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
        }
        let results = match queue.send(&messages).await {
            Ok(results) => results,
            Err(error @ QueueError::Refused { .. }) => return Err(JobError::Failed(error.to_string())),
            Err(error @ QueueError::Unavailable { .. }) => {
                last = error.to_string();
                continue;
            }
        };
        let mut failed = Vec::new();
        for (message, result) in messages.into_iter().zip(results) {
            match result {
                Ok(()) => {}
                Err(EntryError::Unavailable { code }) => {
                    last = code;
                    failed.push(message);
                }
                Err(error) => return Err(JobError::Failed(error.to_string())),
            }
        }
        if failed.is_empty() {
            return Ok(());
        }
        messages = failed;
    }
    Err(JobError::Failed(format!("SQS takes no message: {last}; run again to resume")))
}

#[cfg(test)]
mod tests {
    use sqs_queue::{CallFailure, MemoryQueue, MemoryQueueConfig, Operation};

    use super::*;

    fn messages(count: usize) -> Vec<OutgoingMessage> {
        (0..count).map(|number| message("auth0", &format!("auth0|{number}"))).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn every_entry_is_sent_once_despite_failures() {
        let queue = MemoryQueue::new(MemoryQueueConfig::default());
        queue.fail_next_calls(Operation::Send, 2, CallFailure::Throttled);
        queue.fail_next_entries(Operation::Send, [3, 7], &unavailable());
        send_call(&queue, messages(10)).await.unwrap();
        assert_eq!((queue.messages().len(), queue.calls(Operation::Send)), (10, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_takes_nothing_or_does_not_exist_is_a_failure() {
        let queue = MemoryQueue::new(MemoryQueueConfig::default());
        queue.fail_next_calls(Operation::Send, 7, CallFailure::Broken);
        assert!(
            matches!(send_call(&queue, messages(1)).await, Err(JobError::Failed(text)) if text.contains("run again"))
        );
        queue.fail_next_calls(Operation::Send, 1, CallFailure::QueueMissing);
        assert!(send_call(&queue, messages(1)).await.is_err());
        assert_eq!(queue.messages().len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept() {
        let queue = MemoryQueue::new(MemoryQueueConfig::default());
        let items: Vec<ResyncItem> = (1..=50)
            .map(|position| ResyncItem { position, external_id: format!("auth0|{position}") })
            .collect();
        let started = Instant::now();
        send_batch(&queue, "auth0", &items, 10, started, 0).await.unwrap();
        assert_eq!((started.elapsed().as_secs(), queue.messages().len()), (4, 50));
    }

    fn unavailable() -> EntryError {
        EntryError::Unavailable { code: String::from("InternalError") }
    }
}
