//! Looking through a queue for what drills have sent, and leaving everything else as it was.

use std::collections::BTreeMap;
use std::time::Duration;

use event_contract::Poison;
use sqs_queue::{BATCH_LIMIT, Queue, QueueError, Receipt, ReceivedMessage};
use time::OffsetDateTime;
use uuid::Uuid;

/// A long poll asks all of SQS's servers; a short one may find nothing where there is something.
const WAIT: Duration = Duration::from_secs(1);

/// Most dead letters looked through for a drill's own.
pub(crate) const MOST_DEAD_LETTERED: usize = 500;

/// Something that a drill has sent.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) drill: Uuid,
    pub(crate) sent_at: OffsetDateTime,
    /// The worker's reason, `coppice.class` and the like. Empty when no worker put it here.
    pub(crate) attributes: BTreeMap<String, String>,
    receipt: Receipt,
}

/// Everything of drills among the first `limit` messages of a queue. All of it can be received again at once.
pub(crate) async fn look(queue: &impl Queue, limit: usize) -> Result<Vec<Letter>, QueueError> {
    let letters = go_through(queue, limit, async |message| letter(message)).await?;
    give_back(queue, letters.iter().map(|letter| letter.receipt.clone()).collect()).await?;
    Ok(letters)
}

/// Deletes what is of one of these drills among the first `limit` messages of a queue, and answers what was deleted.
pub(crate) async fn take(
    queue: &impl Queue,
    limit: usize,
    drills: &[Uuid],
) -> Result<Vec<Letter>, QueueError> {
    let is_ours =
        async |message: &ReceivedMessage| letter(message).filter(|letter| drills.contains(&letter.drill));
    let letters = go_through(queue, limit, is_ours).await?;
    let mut deleted = Vec::new();
    for some in letters.chunks(BATCH_LIMIT) {
        let receipts: Vec<Receipt> = some.iter().map(|letter| letter.receipt.clone()).collect();
        let results = queue.delete(&receipts).await?;
        deleted.extend(
            some.iter().zip(results).filter(|(_, result)| result.is_ok()).map(|(one, _)| one.clone()),
        );
    }
    Ok(deleted)
}

/// Receives up to `limit` messages, keeps what `kept` makes of some, and gives the others back, even when it cannot go on.
pub(crate) async fn go_through<T>(
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
    give_back(queue, others).await?;
    ended.map(|()| found)
}

async fn give_back(queue: &impl Queue, receipts: Vec<Receipt>) -> Result<(), QueueError> {
    let entries: Vec<(Receipt, Duration)> =
        receipts.into_iter().map(|receipt| (receipt, Duration::ZERO)).collect();
    for some in entries.chunks(BATCH_LIMIT) {
        queue.change_visibility(some).await?;
    }
    Ok(())
}

fn letter(message: &ReceivedMessage) -> Option<Letter> {
    let poison = Poison::in_body(&message.body)?;
    Some(Letter {
        drill: poison.drill,
        sent_at: message.sent_at,
        attributes: message.attributes.clone(),
        receipt: message.receipt.clone(),
    })
}
