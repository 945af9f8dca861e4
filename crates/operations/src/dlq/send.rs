//! Sends a plan's items at a rate, with the mark by which the worker notes how they ended: to their unit's queue, or to where
//! the bus would have delivered them. Notes in the database that they were sent.

use std::collections::BTreeSet;
use std::time::Duration;

use postgres_store::{RedrivePlan, Store, UnsentItem};
use sqs_queue::{BATCH_LIMIT, EntryError, OutgoingMessage, Queue, SqsQueue};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker_runtime::REDRIVE_MARK;

use super::queues::{DeadLetterQueues, Dlq, UNDELIVERED};
use super::routing::Routing;
use crate::OperationError;

const WAIT_BETWEEN_TRIES: Duration = Duration::from_millis(500);

const TRIES: u32 = 5;

/// How fast and how carefully messages are sent.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Most messages a second.
    pub rate: u32,
    /// Most messages of this run. `None`: all.
    pub max: Option<u64>,
    /// Messages that are sent first and alone. 0: none.
    pub canary: i64,
    /// Longest wait for the canary, and at the end for the last messages.
    pub wait_secs: u64,
}

pub(super) enum Destination {
    Unit(SqsQueue),
    /// Each to where the bus would have delivered it.
    Rules(Routing),
}

impl Destination {
    pub(super) async fn of(queues: &DeadLetterQueues, dlq: &Dlq) -> Result<Self, OperationError> {
        match &dlq.source {
            Some(source) => Ok(Self::Unit(source.clone())),
            None if dlq.unit == UNDELIVERED => {
                Routing::read(&queues.config, &queues.bus).await.map(Self::Rules)
            }
            None => Err(OperationError::NoQueue { unit: dlq.unit.clone() }),
        }
    }

    async fn send(&self, items: &[UnsentItem]) -> Result<Vec<Result<(), EntryError>>, OperationError> {
        match self {
            Self::Unit(queue) => {
                let messages: Vec<OutgoingMessage> =
                    items.iter().map(|item| message(item, &item.message.body)).collect();
                Ok(queue.send(&messages).await?)
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

async fn send_routed(routing: &Routing, item: &UnsentItem) -> Result<Result<(), EntryError>, OperationError> {
    let routes = routing.route(&item.message).await?;
    if routes.is_empty() {
        // It stays in the DLQ: no rule matches it.
        return Ok(Err(EntryError::Refused { code: String::from("NoRule") }));
    }
    for route in routes {
        let sent = route.queue.send(&[message(item, &route.body)]).await?;
        if let Some(Err(error)) = sent.into_iter().next() {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

pub(super) struct Sender<'a> {
    store: &'a Store,
    plan: &'a RedrivePlan,
    destination: Destination,
    pace: Pace,
    next_turn: Instant,
    sent: u64,
    /// Items that SQS will never take.
    refused: BTreeSet<Uuid>,
}

impl<'a> Sender<'a> {
    pub(super) fn new(store: &'a Store, plan: &'a RedrivePlan, destination: Destination, pace: Pace) -> Self {
        Self { store, plan, destination, pace, next_turn: Instant::now(), sent: 0, refused: BTreeSet::new() }
    }

    pub(super) async fn send_up_to(
        &mut self,
        limit: Option<u64>,
        stop: &CancellationToken,
    ) -> Result<(), OperationError> {
        let end = limit.map_or(u64::MAX, |limit| self.sent + limit).min(self.pace.max.unwrap_or(u64::MAX));
        let mut failed = 0;
        while self.sent < end {
            self.wait_for_turn(stop).await?;
            // At most the messages of one second, so that a low rate holds for each batch.
            let most = (end - self.sent).min(BATCH_LIMIT as u64).min(u64::from(self.pace.rate));
            let items = self.next(most).await?;
            if items.is_empty() {
                break;
            }
            let refused = self.refused.len();
            let taken = self.send(&items).await?;
            let progressed = taken > 0 || self.refused.len() > refused;
            if progressed {
                failed = 0;
                continue;
            }
            failed += 1;
            if failed == TRIES {
                return Err(OperationError::NothingTaken);
            }
            tokio::time::sleep(WAIT_BETWEEN_TRIES).await;
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), OperationError> {
        match self.refused.len() {
            0 => Ok(()),
            messages => Err(OperationError::MessagesRefused { messages }),
        }
    }

    async fn next(&self, most: u64) -> Result<Vec<UnsentItem>, OperationError> {
        // Refused items stay unsent, so the database returns them again.
        let limit = i64::try_from(most).unwrap_or(1) + i64::try_from(self.refused.len()).unwrap_or(0);
        let items = self.store.unsent_redrive_items(self.plan, limit).await?;
        let known = items.into_iter().filter(|item| !self.refused.contains(&item.item_id));
        Ok(known.take(usize::try_from(most).unwrap_or(1)).collect())
    }

    async fn send(&mut self, items: &[UnsentItem]) -> Result<usize, OperationError> {
        let results = self.destination.send(items).await?;
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
        // Noted before anything else is done: a kill in between sends one batch twice, and no message is deleted that was not
        // sent.
        self.store.note_items_sent(&taken).await?;
        self.sent += taken.len() as u64;
        // Counted from now and not from the beginning: a run that had to wait does not send faster afterwards.
        self.next_turn =
            Instant::now() + Duration::from_secs_f64(taken.len() as f64 / f64::from(self.pace.rate));
        Ok(taken.len())
    }

    async fn wait_for_turn(&self, stop: &CancellationToken) -> Result<(), OperationError> {
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(stopped(self.plan)),
            () = tokio::time::sleep_until(self.next_turn) => Ok(()),
        }
    }
}

pub(super) const fn stopped(plan: &RedrivePlan) -> OperationError {
    OperationError::RunStopped { plan_id: plan.plan_id, action: plan.action }
}

fn message(item: &UnsentItem, body: &str) -> OutgoingMessage {
    let mark = (REDRIVE_MARK.to_owned(), item.item_id.to_string());
    OutgoingMessage { body: body.to_owned(), attributes: [mark].into() }
}
