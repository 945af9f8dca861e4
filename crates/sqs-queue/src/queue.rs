//! The operations of a queue, and what they answer.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use time::OffsetDateTime;

use crate::Operation;

/// Most entries that SQS takes in one batch call, and most messages that one receive answers.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
pub const BATCH_LIMIT: usize = 10;

/// Longest long poll that SQS allows.
pub const MAX_WAIT: Duration = Duration::from_secs(20);

/// SQS's 12 hours of invisibility after a receive, extensions included; the last seconds of them are refused in practice.
pub const VISIBILITY_LIMIT: Duration = Duration::from_secs(43_195);

/// The handle of one receive of one message. A later receive of the same message has another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);

/// One message, as one receive brought it.
#[derive(Clone)]
pub struct ReceivedMessage {
    /// SQS's ID of the message: the same in each redelivery, another after a redrive.
    pub message_id: String,
    /// For deleting it or changing its visibility.
    pub receipt: Receipt,
    /// The body. Never logged.
    pub body: String,
    /// How often it was received, this time included. Lost replies and console views count too.
    pub receive_count: u32,
    /// When it was first sent. A redelivery keeps it, a redrive by move task does not.
    pub sent_at: OffsetDateTime,
    /// String attributes of the sender.
    pub attributes: BTreeMap<String, String>,
}

impl std::fmt::Debug for ReceivedMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the body: it may hold what a provider put into it.
        f.debug_struct("ReceivedMessage")
            .field("message_id", &self.message_id)
            .field("receive_count", &self.receive_count)
            .field("sent_at", &self.sent_at)
            .finish_non_exhaustive()
    }
}

/// A message to be sent.
#[derive(Clone, Default)]
pub struct OutgoingMessage {
    /// The body: at most 1 MiB of characters that XML allows.
    pub body: String,
    /// At most ten string attributes, none of them empty.
    pub attributes: BTreeMap<String, String>,
}

/// How many messages are in a queue, by SQS's approximate counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Waiting to be received.
    pub visible: u64,
    /// Received, and neither deleted nor visible again.
    pub in_flight: u64,
    /// Sent with a delay that has not passed.
    pub delayed: u64,
}

impl Depth {
    /// Whether no message is visible, in flight or delayed.
    pub const fn is_empty(self) -> bool {
        self.visible == 0 && self.in_flight == 0 && self.delayed == 0
    }
}

/// Why a whole call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The queue does not exist, or these credentials may not use it: waiting does not help.
    #[error("queue refused {operation}: {code}")]
    Refused {
        /// The call, in SQS's words.
        operation: &'static str,
        /// SQS's error code.
        code: String,
    },
    /// Throttled, unreachable, timed out, or an error of the service: try again.
    #[error("SQS call {operation} failed: {code}")]
    Unavailable {
        /// The call, in SQS's words.
        operation: &'static str,
        /// SQS's error code, or what kind of failure the transport had.
        code: String,
    },
}

/// Why one entry of a batch failed while the call succeeded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The receipt is not valid any more: the message was deleted, or another consumer received it. Work on it must stop.
    #[error("receipt is no longer valid")]
    ReceiptLost,
    /// The entry itself is wrong: sending it again does not help.
    #[error("entry refused: {code}")]
    Refused {
        /// SQS's error code.
        code: String,
    },
    /// The service failed for this entry: try again.
    #[error("entry failed: {code}")]
    Unavailable {
        /// SQS's error code.
        code: String,
    },
}

/// A standard queue of SQS. Batch calls answer one result for each entry, in the order of the input: a successful call says
/// nothing about its entries. More than [`BATCH_LIMIT`] entries are refused without a call; for none, the answer is empty.
pub trait Queue: Send + Sync + 'static {
    /// Receives up to `max` messages (1 to [`BATCH_LIMIT`]), waiting up to `wait` (at most [`MAX_WAIT`]) for the first.
    /// An empty answer does not prove an empty queue.
    fn receive(
        &self,
        max: usize,
        wait: Duration,
    ) -> impl Future<Output = Result<Vec<ReceivedMessage>, QueueError>> + Send;

    /// Deletes by receipt; deleting what is deleted already succeeds. SQS may accept an earlier receipt and keep the message.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html>
    ///
    /// # Errors
    /// [`QueueError`] when the whole call failed; each entry's own result otherwise.
    fn delete(
        &self,
        receipts: &[Receipt],
    ) -> impl Future<Output = Result<Vec<Result<(), EntryError>>, QueueError>> + Send;

    /// Makes each message visible again after the given time; zero releases it at once. Fractions of seconds are rounded up,
    /// and a longer time than [`VISIBILITY_LIMIT`] is cut to it. Success does not prove that the message is still the caller's:
    /// after its visibility has ended, SQS does nothing (<https://github.com/localstack/localstack/pull/9632>).
    ///
    /// # Errors
    /// [`QueueError`] when the whole call failed; each entry's own result otherwise.
    fn change_visibility(
        &self,
        entries: &[(Receipt, Duration)],
    ) -> impl Future<Output = Result<Vec<Result<(), EntryError>>, QueueError>> + Send;

    /// Sends messages; all of one call together have at most 1 MiB, or the call is refused.
    ///
    /// # Errors
    /// [`QueueError`] when the whole call failed; each entry's own result otherwise.
    fn send(
        &self,
        messages: &[OutgoingMessage],
    ) -> impl Future<Output = Result<Vec<Result<(), EntryError>>, QueueError>> + Send;

    /// How many messages are in the queue, approximately.
    fn depth(&self) -> impl Future<Output = Result<Depth, QueueError>> + Send;
}

pub(crate) fn over_batch_limit(operation: Operation, entries: usize) -> Result<(), QueueError> {
    if entries <= BATCH_LIMIT {
        return Ok(());
    }
    let code = "TooManyEntriesInBatchRequest".to_owned();
    Err(QueueError::Refused { operation: operation.name(), code })
}

pub(crate) fn visibility_secs(after: Duration) -> i32 {
    // Rounded up: a back-off of half a second must not become none.
    let secs = after.min(VISIBILITY_LIMIT).as_nanos().div_ceil(1_000_000_000);
    i32::try_from(secs).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visibility_is_rounded_up_and_cut_at_the_limit() {
        for (millis, secs) in
            [(0, 0), (1, 1), (1_000, 1), (1_001, 2), (43_195_000, 43_195), (90_000_000, 43_195)]
        {
            assert_eq!(visibility_secs(Duration::from_millis(millis)), secs, "{millis} ms");
        }
    }
}
