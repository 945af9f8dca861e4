//! Keeps held messages invisible to other consumers while they are worked on.
//!
//! It covers every message in hand, also those that wait. A message that is dropped from the intake is not extended
//! any more: there is no guard that could be forgotten. A throttled call is made again at the next beat, of which there
//! are two before the visibility ends.
//!
//! SQS says yes to extending a message whose visibility has ended, and does nothing. So a message is let go by our own
//! clock when no extension has succeeded for as long as the visibility lasts.

use std::time::Duration;

use sqs_queue::{BATCH_LIMIT, EntryError, Queue, Receipt, VISIBILITY_LIMIT};

use tokio::time::Instant;

use crate::intake::{InFlight, Key};
use crate::metrics;

/// One message to be kept.
pub(crate) struct Extension {
    key: Key,
    receipt: Receipt,
    extension: Duration,
    from: Instant,
}

/// What a round of extensions brought.
#[derive(Debug, Default)]
pub(crate) struct Extended {
    /// Messages that are ours until then.
    pub extended: Vec<(Key, Instant)>,
    /// Messages whose receipt is lost: work on them must stop.
    pub lost: Vec<Key>,
}

impl Extension {
    /// The extension of a message that is due: a third of its visibility has passed, and SQS's limit of 12 hours leaves
    /// more.
    pub(crate) fn due(key: Key, held: &mut InFlight, visibility_timeout: Duration) -> Option<Self> {
        let now = Instant::now();
        if now.duration_since(held.extended_at) < visibility_timeout / 3 {
            return None;
        }
        held.extended_at = now;
        let left = VISIBILITY_LIMIT.saturating_sub(held.received_at.elapsed());
        let extension = visibility_timeout.min(left);
        let receipt = held.message.receipt.clone();
        (extension >= Duration::from_secs(1)).then_some(Self { key, receipt, extension, from: now })
    }
}

/// Extends the messages' visibility.
pub(crate) async fn beat<Q: Queue>(queue: &Q, extensions: Vec<Extension>) -> Extended {
    let mut extended = Extended::default();
    for batch in extensions.chunks(BATCH_LIMIT) {
        let entries: Vec<(Receipt, Duration)> =
            batch.iter().map(|beat| (beat.receipt.clone(), beat.extension)).collect();
        match queue.change_visibility(&entries).await {
            Ok(results) => {
                for (beat, result) in batch.iter().zip(results) {
                    match result {
                        Ok(()) => extended.extended.push((beat.key, beat.from + beat.extension)),
                        Err(EntryError::ReceiptLost) => extended.lost.push(beat.key),
                        Err(error) => metrics::queue_entry_failed("heartbeat", &error),
                    }
                }
            }
            Err(error) => metrics::queue_call_failed(&error),
        }
    }
    extended
}
