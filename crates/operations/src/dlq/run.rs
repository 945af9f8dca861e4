//! Runs a plan: the canary, the rest at its rate, then the deletion of the messages. A run can be stopped or killed at any
//! point and run again.

use std::time::Duration;

use postgres_store::{RedriveAction, RedrivePlan, RedriveProgress, Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::delete::delete_messages;
use super::plan::{PlanProgress, known_plan};
use super::queues::DeadLetterQueues;
use super::send::{Destination, Pace, Sender, stopped};
use crate::OperationError;

const STOP_LIMIT: Duration = Duration::from_secs(15);

const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// What a run does.
#[derive(Debug, Clone, Copy)]
pub enum Execution {
    /// Send the items, then delete their messages.
    Redrive(Pace),
    /// Delete the messages.
    Drop,
}

/// Runs a plan. The caller judges the result with [`PlanProgress::check`].
///
/// # Errors
/// [`OperationError::NoPlan`], [`OperationError::OtherAction`], [`OperationError::Locked`], those of a canary or of sending,
/// [`OperationError::RunStopped`], and failures of SQS, EventBridge and the database.
pub async fn run(
    store: &Store,
    queues: &DeadLetterQueues,
    plan_id: Uuid,
    execution: Execution,
    stop: &CancellationToken,
) -> Result<PlanProgress, OperationError> {
    let plan = &known_plan(store, plan_id).await?;
    if plan.action != execution.action() {
        return Err(OperationError::OtherAction { plan_id, action: plan.action });
    }
    let dlq = queues.of_unit(&plan.queue).await?;
    let sending = match execution {
        Execution::Redrive(pace) => Some((Destination::of(queues, &dlq).await?, pace)),
        Execution::Drop => None,
    };
    let Some(_lock) = store.lock_redrive(&plan.queue).await? else {
        return Err(OperationError::Locked { unit: plan.queue.clone(), plan_id: Some(plan_id) });
    };
    let sent = match sending {
        Some((destination, pace)) => send_all(store, destination, plan, pace, stop).await,
        None => Ok(()),
    };
    // Messages whose item was sent are deleted whatever ended the sending: a stopped plan leaves little for its next run.
    let deleted = if stop.is_cancelled() {
        // Limited by time instead of the signal: a pod's grace period is longer.
        let unstopped = CancellationToken::new();
        let deletion = delete_messages(store, &dlq, plan, &unstopped);
        tokio::time::timeout(STOP_LIMIT, deletion).await.unwrap_or(Ok(()))
    } else {
        delete_messages(store, &dlq, plan, stop).await
    };
    sent?;
    deleted?;
    if stop.is_cancelled() {
        return Err(stopped(plan));
    }
    if let Execution::Redrive(pace) = execution {
        let limit = Duration::from_secs(pace.wait_secs);
        wait_for_ends(store, plan, limit, stop, |progress| progress.items_sent).await?;
    }
    PlanProgress::read(store, plan).await
}

impl Execution {
    /// The action of the plans that it runs.
    pub const fn action(self) -> RedriveAction {
        match self {
            Self::Redrive(_) => RedriveAction::Redrive,
            Self::Drop => RedriveAction::Drop,
        }
    }
}

async fn send_all(
    store: &Store,
    destination: Destination,
    plan: &RedrivePlan,
    pace: Pace,
    stop: &CancellationToken,
) -> Result<(), OperationError> {
    let mut sender = Sender::new(store, plan, destination, pace);
    if pace.canary > 0 {
        canary(store, &mut sender, plan, pace, stop).await?;
    }
    sender.send_up_to(None, stop).await?;
    sender.check()
}

async fn canary(
    store: &Store,
    sender: &mut Sender<'_>,
    plan: &RedrivePlan,
    pace: Pace,
    stop: &CancellationToken,
) -> Result<(), OperationError> {
    let progress = store.redrive_progress(plan.plan_id).await?;
    let canaries = pace.canary.min(progress.items);
    let missing = u64::try_from(canaries - progress.items_sent).unwrap_or(0);
    sender.send_up_to(Some(missing), stop).await?;
    let limit = Duration::from_secs(pace.wait_secs);
    let sent = |progress: RedriveProgress| progress.items_sent.min(canaries);
    let progress = wait_for_ends(store, plan, limit, stop, sent).await?;
    if stop.is_cancelled() {
        return Err(stopped(plan));
    }
    let (plan_id, unit) = (plan.plan_id, plan.queue.clone());
    // One is enough to stop everything.
    if progress.items_dead_lettered > 0 {
        let (dead_lettered, sent, to_send) =
            (progress.items_dead_lettered, progress.items_sent, progress.items);
        return Err(OperationError::CanaryDeadLettered { plan_id, unit, dead_lettered, sent, to_send });
    }
    if progress.items_handled < sent(progress) {
        let (handled, wait_secs) = (progress.items_handled, pace.wait_secs);
        return Err(OperationError::CanaryNotHandled { plan_id, unit, handled, canaries, wait_secs });
    }
    Ok(())
}

async fn wait_for_ends(
    store: &Store,
    plan: &RedrivePlan,
    limit: Duration,
    stop: &CancellationToken,
    wanted: impl Fn(RedriveProgress) -> i64,
) -> Result<RedriveProgress, OperationError> {
    let deadline = Instant::now() + limit;
    loop {
        let progress = store.redrive_progress(plan.plan_id).await?;
        let ended = progress.items_handled + progress.items_dead_lettered;
        if ended >= wanted(progress) || Instant::now() >= deadline {
            return Ok(progress);
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(progress),
            () = tokio::time::sleep(PROGRESS_INTERVAL) => {}
        }
    }
}
