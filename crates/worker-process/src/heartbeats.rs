//! A queue that notes heartbeats, and passes every other message to the loop.
//!
//! A heartbeat proves the route to the worker: bus, rule, queue policy, queue, and a loop that receives. A worker that is
//! paused receives none, and its heartbeats are late, which is how the alarm notices.

use std::time::Duration;

use event_contract::Heartbeat;
use metrics::{counter, histogram};
use postgres_store::Store;
use sqs_queue::{Depth, EntryError, OutgoingMessage, Queue, QueueError, Receipt, ReceivedMessage};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::database::in_time;

/// The queue of a worker.
#[derive(Debug, Clone)]
pub struct HeartbeatQueue<Q> {
    queue: Q,
    store: Store,
}

impl<Q: Queue> HeartbeatQueue<Q> {
    /// The same queue; heartbeats are noted in `store`.
    pub const fn new(queue: Q, store: Store) -> Self {
        Self { queue, store }
    }

    async fn note(&self, heartbeats: &[(Uuid, ReceivedMessage)]) {
        for (_, message) in heartbeats {
            counter!("coppice_heartbeats_received_total").increment(1);
            let on_its_way = (OffsetDateTime::now_utc() - message.sent_at).as_seconds_f64().max(0.0);
            histogram!("coppice_heartbeat_age_seconds").record(on_its_way);
        }
        let ids: Vec<Uuid> = heartbeats.iter().map(|(id, _)| *id).collect();
        if let Err(error) = in_time(self.store.see_heartbeats(&ids)).await {
            // It comes back after its visibility timeout, like any message.
            tracing::warn!(%error, "heartbeat cannot be noted");
            return;
        }
        let receipts: Vec<Receipt> = heartbeats.iter().map(|(_, message)| message.receipt.clone()).collect();
        match self.queue.delete(&receipts).await {
            Ok(results) => {
                for error in results.into_iter().filter_map(Result::err) {
                    tracing::warn!(%error, "heartbeat cannot be deleted");
                }
            }
            Err(error) => tracing::warn!(%error, "heartbeat cannot be deleted"),
        }
    }
}

impl<Q: Queue> Queue for HeartbeatQueue<Q> {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<ReceivedMessage>, QueueError> {
        let mut messages = self.queue.receive(max, wait).await?;
        let is_heartbeat = |message: &mut ReceivedMessage| Heartbeat::in_body(&message.body).is_some();
        // Removed here: no handler sees a heartbeat, and the loop needs no code for it.
        let taken: Vec<ReceivedMessage> = messages.extract_if(.., is_heartbeat).collect();
        if !taken.is_empty() {
            let id = |message: ReceivedMessage| Some((Heartbeat::in_body(&message.body)?.heartbeat, message));
            let heartbeats: Vec<_> = taken.into_iter().filter_map(id).collect();
            self.note(&heartbeats).await;
        }
        Ok(messages)
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        self.queue.delete(receipts).await
    }

    async fn change_visibility(
        &self,
        entries: &[(Receipt, Duration)],
    ) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        self.queue.change_visibility(entries).await
    }

    async fn send(&self, messages: &[OutgoingMessage]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        self.queue.send(messages).await
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        self.queue.depth().await
    }
}
