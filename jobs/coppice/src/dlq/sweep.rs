//! Deletes a plan's letters from their queue: those, and only those, whose item was sent, or which are to be dropped.

use job_process::JobError;
use postgres_store::{MessageStanding, RedrivePlan, Store};
use sqs_queue::{BATCH_LIMIT, Queue, Receipt, ReceivedMessage};
use tokio_util::sync::CancellationToken;

use super::fleet::{DeadLetterQueue, refused};
use super::scan::Look;

/// Goes through the queue once, or until every letter of the plan is deleted. Other letters are given back.
///
/// A letter that is in nobody's hands and was not met is gone: SQS has let it expire, or a run was killed after it had
/// deleted it. Its item was sent, or it was to be dropped, so nothing is lost should it turn up again.
pub(super) async fn sweep(
    store: &Store,
    queue: &DeadLetterQueue,
    plan: &RedrivePlan,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let mut look = Look::at(&queue.letters).await?;
    let mut others = Vec::new();
    let swept = round(store, queue, plan, stop, &mut look, &mut others).await;
    let hidden = queue.letters.depth().await.map(|depth| depth.in_flight);
    look.give_back(&others).await;
    if swept? && hidden.map_err(|error| refused(&error))? <= others.len() as u64 {
        store.note_other_messages_gone(plan).await?;
    }
    Ok(())
}

/// Whether every letter that is visible was met.
async fn round(
    store: &Store,
    queue: &DeadLetterQueue,
    plan: &RedrivePlan,
    stop: &CancellationToken,
    look: &mut Look,
    others: &mut Vec<Receipt>,
) -> Result<bool, JobError> {
    let progress = store.redrive_progress(plan.plan_id).await?;
    let mut left = progress.messages - progress.messages_deleted;
    while left > 0 && !stop.is_cancelled() {
        let Some(letters) = look.next().await? else { return Ok(true) };
        let ids: Vec<String> = letters.iter().map(|letter| letter.message_id.clone()).collect();
        let standings = store.message_standings(plan, &ids).await?;
        let (mut mine, mut rest) = (Vec::new(), Vec::new());
        for (letter, standing) in letters.into_iter().zip(standings) {
            if standing == MessageStanding::Deletable { mine.push(letter) } else { rest.push(letter) }
        }
        others.extend(rest.into_iter().map(|letter| letter.receipt));
        left -= delete(store, queue, plan, &mine).await?;
    }
    Ok(false)
}

/// Deletes letters, notes those that are gone, and answers how many.
async fn delete(
    store: &Store,
    queue: &DeadLetterQueue,
    plan: &RedrivePlan,
    letters: &[ReceivedMessage],
) -> Result<i64, JobError> {
    let mut gone = Vec::new();
    for batch in letters.chunks(BATCH_LIMIT) {
        let receipts: Vec<Receipt> = batch.iter().map(|letter| letter.receipt.clone()).collect();
        let results = queue.letters.delete(&receipts).await.map_err(|error| refused(&error))?;
        let deleted = batch.iter().zip(results).filter(|(_, result)| result.is_ok());
        gone.extend(deleted.map(|(letter, _)| letter.message_id.clone()));
    }
    if !gone.is_empty() {
        store.note_messages_deleted(plan, &gone).await?;
    }
    Ok(i64::try_from(gone.len()).unwrap_or(i64::MAX))
}
