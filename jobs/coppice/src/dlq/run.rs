//! Carries a plan out: the canary, the rest at its rate, the letters' deletion.

use std::fmt;
use std::time::Duration;

use job_process::JobError;
use postgres_store::{RedrivePlan, RedriveProgress, Store};
use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::arguments::Pace;
use super::fleet::DeadLetterQueue;
use super::plan::{Counts, action};
use super::sending::{Sender, Target, stopped};
use super::sweep::sweep;

/// Longest that a stopped run goes on deleting the letters of what it has sent: shorter than a pod's grace period.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// Between two looks at how items ended.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Carries `plan` out. `sending` is `None` for a plan that sends nothing.
///
/// Letters whose item was sent are deleted whatever ends the run: a plan that is stopped leaves as little as it can to be
/// done again.
pub(super) async fn run(
    store: &Store,
    queue: &DeadLetterQueue,
    plan: &RedrivePlan,
    sending: Option<(Target, Pace)>,
    stop: &CancellationToken,
) -> Result<Done, JobError> {
    let Some(_lock) = store.lock_redrive(&plan.queue).await? else {
        let told = format!(
            "another process redrives or drops letters of {}: see `coppice dlq plan {}`",
            plan.queue, plan.plan_id
        );
        return Err(JobError::Guarded(told));
    };
    let pace = sending.as_ref().map(|(_, pace)| *pace);
    let sent = match sending {
        Some((target, pace)) => send_all(store, target, plan, pace, stop).await,
        None => Ok(()),
    };
    let swept = if stop.is_cancelled() {
        let unstopped = CancellationToken::new();
        tokio::time::timeout(STOP_LIMIT, sweep(store, queue, plan, &unstopped)).await.unwrap_or(Ok(()))
    } else {
        sweep(store, queue, plan, stop).await
    };
    sent?;
    swept?;
    if stop.is_cancelled() {
        return Err(stopped(plan));
    }
    if let Some(pace) = pace {
        let limit = Duration::from_secs(pace.wait_secs);
        wait_for_ends(store, plan, limit, stop, |progress| progress.items_sent).await?;
    }
    let progress = store.redrive_progress(plan.plan_id).await?;
    Ok(Done {
        plan_id: plan.plan_id,
        unit: plan.queue.clone(),
        action: action(plan.action),
        progress: progress.into(),
    })
}

async fn send_all(
    store: &Store,
    target: Target,
    plan: &RedrivePlan,
    pace: Pace,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let mut sender = Sender::new(store, plan, target, pace);
    if pace.canary > 0 {
        canary(store, &mut sender, plan, pace, stop).await?;
    }
    sender.send_up_to(None, stop).await?;
    sender.verdict()
}

/// Sends the first few and waits until the unit has handled them. One that dies again stops everything.
async fn canary(
    store: &Store,
    sender: &mut Sender<'_>,
    plan: &RedrivePlan,
    pace: Pace,
    stop: &CancellationToken,
) -> Result<(), JobError> {
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
    let resume = format!("coppice dlq redrive --plan {} --yes", plan.plan_id);
    if progress.items_dead_lettered > 0 {
        let told = format!(
            "the canary died again: {} of {} message(s) sent, so nothing more was sent. `coppice dlq list {}` says why. \
             When it is mended: make a new plan; or go on anyway: {resume} --canary 0",
            progress.items_dead_lettered, progress.items_sent, plan.queue
        );
        return Err(JobError::Guarded(told));
    }
    if progress.items_handled < sent(progress) {
        let told = format!(
            "{} of {} canary message(s) were handled within {} s, so nothing more was sent. Does {} run, and is its \
             provider up? Then go on: {resume}",
            progress.items_handled, canaries, pace.wait_secs, plan.queue
        );
        return Err(JobError::Guarded(told));
    }
    Ok(())
}

/// Waits until so many items have ended as `wanted` says, or the limit is over.
async fn wait_for_ends(
    store: &Store,
    plan: &RedrivePlan,
    limit: Duration,
    stop: &CancellationToken,
    wanted: impl Fn(RedriveProgress) -> i64,
) -> Result<RedriveProgress, JobError> {
    let deadline = Instant::now() + limit;
    loop {
        let progress = store.redrive_progress(plan.plan_id).await?;
        let ended = progress.items_handled + progress.items_dead_lettered;
        if ended >= wanted(progress) || Instant::now() >= deadline {
            return Ok(progress);
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(progress),
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
        }
    }
}

/// What has come of a plan so far.
#[derive(Serialize)]
pub(super) struct Done {
    pub(super) plan_id: Uuid,
    pub(super) unit: String,
    pub(super) action: &'static str,
    #[serde(flatten)]
    pub(super) progress: Counts,
}

impl Done {
    /// Whether it is done, and well.
    pub(super) fn verdict(&self) -> Result<(), JobError> {
        let Counts { letters, letters_deleted, messages, sent, handled, dead_again } = self.progress;
        if dead_again > 0 {
            let told =
                format!("{dead_again} message(s) died again: `coppice dlq list {}` says why", self.unit);
            return Err(JobError::Failed(told));
        }
        if self.action == "redrive" && sent > handled {
            let told = format!(
                "{} message(s) are not handled yet: does {} run? See `coppice dlq plan {}`",
                sent - handled,
                self.unit,
                self.plan_id
            );
            return Err(JobError::Failed(told));
        }
        // As many as `--max` allows: the rest is for the next run.
        if self.action == "redrive" && sent < messages {
            return Ok(());
        }
        if letters_deleted < letters {
            let told = format!(
                "{} letter(s) of the plan are still there, or hidden by another reader: run the plan again in some minutes",
                letters - letters_deleted
            );
            return Err(JobError::Failed(told));
        }
        Ok(())
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { letters, letters_deleted, messages, sent, handled, dead_again } = self.progress;
        writeln!(f, "plan {}: {} of {}", self.plan_id, self.action, self.unit)?;
        if self.action == "redrive" {
            let waiting = sent - handled - dead_again;
            writeln!(
                f,
                "  {sent} of {messages} message(s) sent: {handled} handled, {dead_again} dead again, {waiting} not known yet"
            )?;
        }
        writeln!(f, "  {letters_deleted} of {letters} dead letter(s) deleted")
    }
}
