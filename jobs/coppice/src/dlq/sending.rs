//! Sends a plan's items to their unit, or to where they were meant to go, at a rate.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::SdkConfig;
use job_process::JobError;
use postgres_store::{RedrivePlan, Store, UnsentItem};
use sqs_queue::{BATCH_LIMIT, EntryError, OutgoingMessage, Queue, SqsQueue};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker_runtime::REDRIVE_MARK;

use super::arguments::Pace;
use super::fleet::{DeadLetterQueue, UNDELIVERED, refused};
use super::plan::action;
use super::routing::Routing;

/// Between two tries of entries that failed.
const WAIT_BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// Batches in a row of which nothing was taken, after which SQS is not asked any more.
const TRIES: u32 = 5;

/// Where a plan's items go.
pub(super) enum Target {
    /// All to their unit.
    Unit(SqsQueue),
    /// Each to where the bus would have brought it.
    Rules(Routing),
}

impl Target {
    /// The bus has the name with which every queue's begins.
    pub(super) async fn of(
        config: &SdkConfig,
        queue: &DeadLetterQueue,
        prefix: &str,
    ) -> Result<Self, JobError> {
        match &queue.source {
            Some(source) => Ok(Self::Unit(source.clone())),
            None if queue.unit == UNDELIVERED => Routing::read(config, prefix).await.map(Self::Rules),
            None => Err(JobError::NotFound(format!("there is no queue of {}", queue.unit))),
        }
    }

    /// Sends items. Each has its own result: one that fails takes nothing from those that were sent before it.
    async fn send(&self, items: &[UnsentItem]) -> Result<Vec<Result<(), EntryError>>, JobError> {
        match self {
            Self::Unit(queue) => {
                let messages: Vec<OutgoingMessage> =
                    items.iter().map(|item| message(item, &item.message.body)).collect();
                queue.send(&messages).await.map_err(|error| refused(&error))
            }
            Self::Rules(routing) => {
                let mut results = Vec::new();
                for item in items {
                    let unavailable = |_| Err(EntryError::Unavailable { code: String::from("not routed") });
                    results.push(send_routed(routing, item).await.unwrap_or_else(unavailable));
                }
                Ok(results)
            }
        }
    }
}

/// An event that no rule takes stays where it is.
async fn send_routed(routing: &Routing, item: &UnsentItem) -> Result<Result<(), EntryError>, JobError> {
    let routes = routing.route(&item.message).await?;
    if routes.is_empty() {
        return Ok(Err(EntryError::Refused { code: String::from("NoRule") }));
    }
    for route in routes {
        let sent = route.queue.send(&[message(item, &route.body)]).await.map_err(|error| refused(&error))?;
        if let Some(Err(error)) = sent.into_iter().next() {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

/// Sends what a plan has not sent yet.
pub(super) struct Sender<'a> {
    store: &'a Store,
    plan: &'a RedrivePlan,
    target: Target,
    pace: Pace,
    /// Before this, nothing more may be sent.
    next_turn: Instant,
    sent: u64,
    /// Items that SQS will never take.
    refused: BTreeSet<Uuid>,
}

impl<'a> Sender<'a> {
    pub(super) fn new(store: &'a Store, plan: &'a RedrivePlan, target: Target, pace: Pace) -> Self {
        Self { store, plan, target, pace, next_turn: Instant::now(), sent: 0, refused: BTreeSet::new() }
    }

    /// Sends `limit` items, or all there are, but never more than the pace's own limit.
    pub(super) async fn send_up_to(
        &mut self,
        limit: Option<u64>,
        stop: &CancellationToken,
    ) -> Result<(), JobError> {
        let end = limit.map_or(u64::MAX, |limit| self.sent + limit).min(self.pace.max.unwrap_or(u64::MAX));
        let mut failed = 0;
        while self.sent < end {
            self.wait_for_turn(stop).await?;
            let most = (end - self.sent).min(BATCH_LIMIT as u64).min(u64::from(self.pace.rate));
            let items = self.next(most).await?;
            if items.is_empty() {
                break;
            }
            let refused = self.refused.len();
            let taken = self.send(&items).await?;
            let got_on = taken > 0 || self.refused.len() > refused;
            failed = if got_on { 0 } else { failed + 1 };
            if failed == TRIES {
                return Err(JobError::Failed(String::from("SQS takes nothing: run the plan again later")));
            }
        }
        Ok(())
    }

    /// What was never taken, once all else has been sent.
    pub(super) fn verdict(&self) -> Result<(), JobError> {
        if self.refused.is_empty() {
            return Ok(());
        }
        Err(JobError::Failed(format!(
            "{} message(s) are refused by SQS or wanted by no rule, and stay where they are",
            self.refused.len()
        )))
    }

    async fn next(&self, most: u64) -> Result<Vec<UnsentItem>, JobError> {
        let limit = i64::try_from(most).unwrap_or(1) + i64::try_from(self.refused.len()).unwrap_or(0);
        let items = self.store.unsent_redrive_items(self.plan, limit).await?;
        let known = items.into_iter().filter(|item| !self.refused.contains(&item.item_id));
        Ok(known.take(usize::try_from(most).unwrap_or(1)).collect())
    }

    /// Sends, and notes what was taken before anything else is done: see the module `redrive` of the store.
    async fn send(&mut self, items: &[UnsentItem]) -> Result<usize, JobError> {
        let results = self.target.send(items).await?;
        let mut taken = Vec::new();
        for (item, result) in items.iter().zip(results) {
            match result {
                Ok(()) => taken.push(item.item_id),
                Err(EntryError::Unavailable { .. }) => {}
                Err(EntryError::Refused { .. } | EntryError::ReceiptLost) => {
                    self.refused.insert(item.item_id);
                }
            }
        }
        self.store.note_items_sent(&taken).await?;
        self.sent += taken.len() as u64;
        // From now and not from the beginning: time that was spent waiting is not caught up with.
        self.next_turn =
            Instant::now() + Duration::from_secs_f64(taken.len() as f64 / f64::from(self.pace.rate));
        if taken.is_empty() && self.refused.is_empty() {
            tokio::time::sleep(WAIT_BETWEEN_TRIES).await;
        }
        Ok(taken.len())
    }

    /// After `n` messages, the next may go `n / rate` seconds later.
    async fn wait_for_turn(&self, stop: &CancellationToken) -> Result<(), JobError> {
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(stopped(self.plan)),
            () = tokio::time::sleep_until(self.next_turn) => Ok(()),
        }
    }
}

/// A signal has ended the run; what it did stands.
pub(super) fn stopped(plan: &RedrivePlan) -> JobError {
    JobError::Stopped(format!(
        "stopped; go on with: coppice dlq {} --plan {} --yes",
        action(plan.action),
        plan.plan_id
    ))
}

/// A message with the mark by which its end is known.
fn message(item: &UnsentItem, body: &str) -> OutgoingMessage {
    let mark = (REDRIVE_MARK.to_owned(), item.item_id.to_string());
    OutgoingMessage { body: body.to_owned(), attributes: [mark].into() }
}
