//! Deletes a plan's messages from their DLQ: only those whose item was sent, or whose plan is to drop them. A message of no
//! plan, or of an item that was not sent, is released.

use postgres_store::{MessageStanding, RedrivePlan, Store};
use sqs_queue::{BATCH_LIMIT, Queue, Receipt, ReceivedMessage};
use tokio_util::sync::CancellationToken;

use super::queues::Dlq;
use super::scan::QueueReader;
use crate::OperationError;

/// Reads the queue once, or until every message of the plan is deleted.
pub(super) async fn delete_messages(
    store: &Store,
    dlq: &Dlq,
    plan: &RedrivePlan,
    stop: &CancellationToken,
) -> Result<(), OperationError> {
    let mut reader = QueueReader::new(&dlq.queue).await?;
    let mut others = Vec::new();
    let read_all = read_and_delete(store, dlq, plan, stop, &mut reader, &mut others).await;
    // Asked before the release: in flight are then those that we hide and those that another reader hides.
    let hidden = dlq.queue.depth().await.map(|depth| depth.in_flight);
    reader.release(&others).await;
    // A message of the plan that was neither received nor hidden by another reader is gone: SQS has let it expire, or a run was
    // killed after it deleted the message and before it noted that. Its item was sent, or it was to be dropped, so nothing is
    // lost if it does come back.
    if read_all? && hidden? <= others.len() as u64 {
        store.note_other_messages_gone(plan).await?;
    }
    Ok(())
}

/// Whether every visible message was received.
async fn read_and_delete(
    store: &Store,
    dlq: &Dlq,
    plan: &RedrivePlan,
    stop: &CancellationToken,
    reader: &mut QueueReader,
    others: &mut Vec<Receipt>,
) -> Result<bool, OperationError> {
    let progress = store.redrive_progress(plan.plan_id).await?;
    let mut left = progress.messages - progress.messages_deleted;
    while left > 0 && !stop.is_cancelled() {
        let Some(messages) = reader.next().await? else { return Ok(true) };
        let ids: Vec<String> = messages.iter().map(|message| message.message_id.clone()).collect();
        let standings = store.message_standings(plan, &ids).await?;
        let (mut deletable, mut rest) = (Vec::new(), Vec::new());
        for (message, standing) in messages.into_iter().zip(standings) {
            if standing == MessageStanding::Deletable { deletable.push(message) } else { rest.push(message) }
        }
        others.extend(rest.into_iter().map(|message| message.receipt));
        left -= delete(store, dlq, plan, &deletable).await?;
    }
    Ok(false)
}

async fn delete(
    store: &Store,
    dlq: &Dlq,
    plan: &RedrivePlan,
    messages: &[ReceivedMessage],
) -> Result<i64, OperationError> {
    let mut gone = Vec::new();
    for batch in messages.chunks(BATCH_LIMIT) {
        let receipts: Vec<Receipt> = batch.iter().map(|message| message.receipt.clone()).collect();
        let results = dlq.queue.delete(&receipts).await?;
        let deleted = batch.iter().zip(results).filter(|(_, result)| result.is_ok());
        gone.extend(deleted.map(|(message, _)| message.message_id.clone()));
    }
    if !gone.is_empty() {
        store.note_messages_deleted(plan, &gone).await?;
    }
    Ok(i64::try_from(gone.len()).unwrap_or(i64::MAX))
}
