//! Finds and deletes the messages that drills have sent. Every other message is released at once.

use std::collections::BTreeMap;
use std::time::Duration;

use event_contract::Poison;
use sqs_queue::{BATCH_LIMIT, Queue, QueueError, Receipt, ReceivedMessage};
use time::OffsetDateTime;
use uuid::Uuid;

// A long poll asks all of SQS's servers; a short one may find nothing where there is something.
const WAIT: Duration = Duration::from_secs(1);

/// Most messages read of a DLQ to find a drill's own.
pub(crate) const READ_LIMIT: usize = 500;

#[derive(Debug, Clone)]
pub(crate) struct DrillMessage {
    pub(crate) drill: Uuid,
    pub(crate) sent_at: OffsetDateTime,
    /// The worker's reason, in `coppice.class` and others. Empty if no worker has dead-lettered it.
    pub(crate) attributes: BTreeMap<String, String>,
    receipt: Receipt,
}

/// The messages of drills among the first `limit` messages of a queue. All of them are visible again at once.
pub(crate) async fn find(queue: &impl Queue, limit: usize) -> Result<Vec<DrillMessage>, QueueError> {
    let messages = read_messages(queue, limit, async |message| drill_message(message)).await?;
    release(queue, messages.iter().map(|message| message.receipt.clone()).collect()).await?;
    Ok(messages)
}

/// Deletes the messages of these drills among the first `limit` messages of a queue, and returns the deleted ones.
pub(crate) async fn delete(
    queue: &impl Queue,
    limit: usize,
    drills: &[Uuid],
) -> Result<Vec<DrillMessage>, QueueError> {
    let is_ours = async |message: &ReceivedMessage| {
        drill_message(message).filter(|found| drills.contains(&found.drill))
    };
    let messages = read_messages(queue, limit, is_ours).await?;
    let mut deleted = Vec::new();
    for some in messages.chunks(BATCH_LIMIT) {
        let receipts: Vec<Receipt> = some.iter().map(|message| message.receipt.clone()).collect();
        let results = queue.delete(&receipts).await?;
        deleted.extend(
            some.iter().zip(results).filter(|(_, result)| result.is_ok()).map(|(one, _)| one.clone()),
        );
    }
    Ok(deleted)
}

/// Receives up to `limit` messages, keeps those for which `kept` returns a value, and releases the others.
pub(crate) async fn read_messages<T>(
    queue: &impl Queue,
    limit: usize,
    mut kept: impl AsyncFnMut(&ReceivedMessage) -> Option<T>,
) -> Result<Vec<T>, QueueError> {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    let mut seen = 0;
    let ended = loop {
        match queue.receive(BATCH_LIMIT, WAIT).await {
            Ok(messages) if messages.is_empty() => break Ok(()),
            Ok(messages) => {
                seen += messages.len();
                for message in messages {
                    match kept(&message).await {
                        Some(it) => found.push(it),
                        None => others.push(message.receipt),
                    }
                }
            }
            Err(error) => break Err(error),
        }
        if seen >= limit {
            break Ok(());
        }
    };
    // Also after an error.
    release(queue, others).await?;
    ended.map(|()| found)
}

async fn release(queue: &impl Queue, receipts: Vec<Receipt>) -> Result<(), QueueError> {
    let entries: Vec<(Receipt, Duration)> =
        receipts.into_iter().map(|receipt| (receipt, Duration::ZERO)).collect();
    for some in entries.chunks(BATCH_LIMIT) {
        queue.change_visibility(some).await?;
    }
    Ok(())
}

fn drill_message(message: &ReceivedMessage) -> Option<DrillMessage> {
    let poison = Poison::in_body(&message.body)?;
    Some(DrillMessage {
        drill: poison.drill,
        sent_at: message.sent_at,
        attributes: message.attributes.clone(),
        receipt: message.receipt.clone(),
    })
}
