//! Batch calls, with each entry's result read.

use std::future::Future;
use std::time::Duration;

use sqs_queue::{BATCH_LIMIT, EntryError, OutgoingMessage, Queue, QueueError, Receipt};

use crate::metrics;

/// Tries of one batch call. Entries that fail in each of them come back when their visibility ends.
const TRIES: u32 = 3;
const WAIT_BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
pub(super) const PAYLOAD_LIMIT_BYTES: usize = 1_048_576;

type BatchResult = Result<Vec<Result<(), EntryError>>, QueueError>;

pub(super) trait BatchEntry: Clone + Send + Sync {
    const OPERATION: &'static str;
    /// What it adds to the payload of its call, in bytes. Zero where SQS has no limit.
    fn bytes(&self) -> usize {
        0
    }
    fn call<Q: Queue>(queue: &Q, batch: &[Self]) -> impl Future<Output = BatchResult> + Send;
}

impl BatchEntry for Receipt {
    const OPERATION: &'static str = "delete";
    fn call<Q: Queue>(queue: &Q, batch: &[Self]) -> impl Future<Output = BatchResult> + Send {
        queue.delete(batch)
    }
}

impl BatchEntry for (Receipt, Duration) {
    const OPERATION: &'static str = "change_visibility";
    fn call<Q: Queue>(queue: &Q, batch: &[Self]) -> impl Future<Output = BatchResult> + Send {
        queue.change_visibility(batch)
    }
}

impl BatchEntry for OutgoingMessage {
    const OPERATION: &'static str = "dead_letter";
    fn bytes(&self) -> usize {
        payload_bytes(self)
    }
    fn call<Q: Queue>(queue: &Q, batch: &[Self]) -> impl Future<Output = BatchResult> + Send {
        queue.send(batch)
    }
}

pub(super) fn payload_bytes(message: &OutgoingMessage) -> usize {
    // SQS counts the names, types and values of attributes towards the limit of a call.
    let attributes = message.attributes.iter().map(|(name, value)| name.len() + "String".len() + value.len());
    message.body.len() + attributes.sum::<usize>()
}

fn split<T: BatchEntry>(entries: &[T], positions: &[usize]) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for position in positions {
        bytes += entries[*position].bytes();
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_LIMIT && bytes <= PAYLOAD_LIMIT_BYTES => batch.push(*position),
            // An entry that is too large by itself is alone in its batch.
            _ => {
                bytes = entries[*position].bytes();
                batches.push(vec![*position]);
            }
        }
    }
    batches
}

/// Returns for each entry whether it succeeded, in this try or a later one.
pub(super) async fn in_batches<Q: Queue, T: BatchEntry>(queue: &Q, entries: &[T]) -> Vec<bool> {
    let mut done = vec![false; entries.len()];
    let mut open: Vec<usize> = (0..entries.len()).collect();
    for attempt in 0..TRIES {
        if open.is_empty() {
            break;
        }
        if attempt > 0 {
            tokio::time::sleep(WAIT_BETWEEN_TRIES).await;
        }
        let mut again = Vec::new();
        for batch in split(entries, &open) {
            let values: Vec<T> = batch.iter().map(|position| entries[*position].clone()).collect();
            match T::call(queue, &values).await {
                Ok(results) => {
                    for (position, result) in batch.iter().zip(results) {
                        match result {
                            Ok(()) => done[*position] = true,
                            Err(error) => {
                                metrics::queue_entry_failed(T::OPERATION, &error);
                                if matches!(error, EntryError::Unavailable { .. }) {
                                    again.push(*position);
                                }
                            }
                        }
                    }
                }
                Err(error) => {
                    metrics::queue_call_failed(&error);
                    again.extend(batch);
                }
            }
        }
        open = again;
    }
    done
}
