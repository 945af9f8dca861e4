//! Moves a whole DLQ back to its queue, by SQS's own message move task. The messages are not read, so there is no canary and no
//! coalescing.

use std::time::Duration;

use postgres_store::Store;
use serde::Serialize;
use sqs_queue::{Queue, SqsQueue};
use tokio_util::sync::CancellationToken;

use super::queues::{DeadLetterQueues, Dlq, UNDELIVERED};
use crate::OperationError;

const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// How far a move is.
#[derive(Debug, Clone, Serialize)]
pub struct MoveReport {
    /// The unit.
    pub unit: String,
    /// `NOT STARTED`, or what SQS calls it: `RUNNING`, `COMPLETED`, `CANCELLED`, `FAILED`.
    pub status: String,
    /// Messages moved so far, approximately.
    pub moved: i64,
    /// Messages to move, approximately. `None`: SQS does not say.
    pub to_move: Option<i64>,
}

/// How many messages [`move_all`] would move.
///
/// # Errors
/// As [`move_all`].
pub async fn count(queues: &DeadLetterQueues, unit: &str) -> Result<MoveReport, OperationError> {
    let (dlq, _) = dlq_and_source(queues, unit).await?;
    let waiting = i64::try_from(dlq.queue.depth().await?.visible).unwrap_or(i64::MAX);
    let status = String::from("NOT STARTED");
    Ok(MoveReport { unit: unit.to_owned(), status, moved: 0, to_move: Some(waiting) })
}

/// Starts a move task of at most `per_second` messages a second and waits for its end. `progress` is called meanwhile.
///
/// # Errors
/// [`OperationError::NotMovable`] for `undelivered`, [`OperationError::Locked`] while a plan of the unit runs,
/// [`OperationError::MoveStopped`] while the task continues in SQS, [`OperationError::MoveFailed`].
pub async fn move_all(
    store: &Store,
    queues: &DeadLetterQueues,
    unit: &str,
    per_second: i32,
    stop: &CancellationToken,
    mut progress: impl FnMut(&MoveReport),
) -> Result<MoveReport, OperationError> {
    let (dlq, source) = dlq_and_source(queues, unit).await?;
    // A plan that runs at the same time would send again what SQS has moved.
    let Some(_lock) = store.lock_redrive(unit).await? else {
        return Err(OperationError::Locked { unit: unit.to_owned(), plan_id: None });
    };
    dlq.queue.start_move(&source, Some(per_second)).await?;
    loop {
        let task = dlq.queue.newest_move().await?.ok_or(OperationError::MoveUnknown)?;
        let report = MoveReport {
            unit: unit.to_owned(),
            status: task.status,
            moved: task.moved,
            to_move: task.to_move,
        };
        progress(&report);
        match report.status.as_str() {
            "RUNNING" => tokio::select! {
                () = stop.cancelled() => return Err(OperationError::MoveStopped),
                () = tokio::time::sleep(PROGRESS_INTERVAL) => {}
            },
            "COMPLETED" => return Ok(report),
            _ => {
                let reason = task.failure.unwrap_or_default();
                return Err(OperationError::MoveFailed { status: report.status, reason });
            }
        }
    }
}

async fn dlq_and_source(queues: &DeadLetterQueues, unit: &str) -> Result<(Dlq, SqsQueue), OperationError> {
    if unit == UNDELIVERED {
        return Err(OperationError::NotMovable);
    }
    let dlq = queues.of_unit(unit).await?;
    let source = dlq.source.clone().ok_or_else(|| OperationError::NoQueue { unit: unit.to_owned() })?;
    Ok((dlq, source))
}
