//! Reads every message of a DLQ, each once, and leaves them where they are. This module must not know what a message says.

use std::collections::HashSet;
use std::time::Duration;

use sqs_queue::{BATCH_LIMIT, Queue, Receipt, ReceivedMessage, SqsQueue};
use tokio_util::sync::CancellationToken;

use crate::OperationError;

const HIDDEN_AT_LEAST: Duration = Duration::from_secs(30);
const HIDDEN_PER_MESSAGE: Duration = Duration::from_millis(10);

const EMPTY_RECEIVES: u32 = 2;

const WAIT: Duration = Duration::from_secs(1);

/// SQS cannot read without receiving: every receive hides what it returned from the next one, and from other readers.
pub(super) struct QueueReader {
    queue: SqsQueue,
    seen: HashSet<String>,
    empty_receives: u32,
}

impl QueueReader {
    pub(super) async fn new(queue: &SqsQueue) -> Result<Self, OperationError> {
        let depth = queue.depth().await?;
        let messages = u32::try_from(depth.visible + depth.in_flight).unwrap_or(u32::MAX);
        // Hidden for longer than the whole reading takes, since a message that comes back too early is received twice. But not
        // for much longer: if the process is killed, other readers miss the messages for this time. A receive of ten takes SQS
        // some 15 ms.
        let hidden = HIDDEN_AT_LEAST + HIDDEN_PER_MESSAGE * messages;
        Ok(Self { queue: queue.clone().hiding_for(hidden), seen: HashSet::new(), empty_receives: 0 })
    }

    pub(super) async fn next(&mut self) -> Result<Option<Vec<ReceivedMessage>>, OperationError> {
        // One receive may be empty although the queue is not: SQS asks only some of its servers.
        while self.empty_receives < EMPTY_RECEIVES {
            let received = self.queue.receive(BATCH_LIMIT, WAIT).await?;
            // A message that has become visible again was seen: the reading has come round to its beginning.
            let new: Vec<_> =
                received.into_iter().filter(|one| self.seen.insert(one.message_id.clone())).collect();
            if !new.is_empty() {
                self.empty_receives = 0;
                return Ok(Some(new));
            }
            self.empty_receives += 1;
        }
        Ok(None)
    }

    pub(super) async fn release(&self, receipts: &[Receipt]) {
        for batch in receipts.chunks(BATCH_LIMIT) {
            let entries: Vec<_> = batch.iter().map(|receipt| (receipt.clone(), Duration::ZERO)).collect();
            // One that stays hidden comes back by itself.
            self.queue.change_visibility(&entries).await.ok();
        }
    }
}

/// Passes up to `limit` messages to `take`, and releases them all. Returns how many there were.
pub(super) async fn scan(
    queue: &SqsQueue,
    limit: usize,
    stop: &CancellationToken,
    mut take: impl FnMut(ReceivedMessage),
) -> Result<usize, OperationError> {
    let mut reader = QueueReader::new(queue).await?;
    let mut receipts = Vec::new();
    let mut ended = Ok(());
    while receipts.len() < limit && !stop.is_cancelled() {
        match reader.next().await {
            Ok(Some(messages)) => {
                for message in messages {
                    receipts.push(message.receipt.clone());
                    take(message);
                }
            }
            Ok(None) => break,
            Err(failure) => {
                ended = Err(failure);
                break;
            }
        }
    }
    reader.release(&receipts).await;
    ended?;
    if stop.is_cancelled() {
        return Err(OperationError::ReadStopped);
    }
    Ok(receipts.len())
}

#[cfg(test)]
mod tests {
    use testkit::FastAws;

    use super::*;

    #[tokio::test]
    async fn a_message_that_is_visible_again_is_not_returned_twice() {
        let aws = FastAws::start().await;
        let (url, _) = aws.create_queue("dlq", Duration::from_secs(60), 10);
        aws.send("dlq", ["one", "two"].map(String::from));
        let queue = SqsQueue::connect(&local_stack::aws_config(aws.endpoint()), url);
        let mut reader = QueueReader::new(&queue).await.unwrap();
        let mut receipts = Vec::new();
        while receipts.len() < 2 {
            let messages = reader.next().await.unwrap().unwrap();
            receipts.extend(messages.into_iter().map(|message| message.receipt));
        }
        reader.release(&receipts).await;
        assert_eq!(aws.depth("dlq"), (2, 0), "they are visible again");
        assert!(reader.next().await.unwrap().is_none(), "every message was returned");
    }
}
