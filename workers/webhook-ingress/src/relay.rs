//! The outbox of webhook events: those that the bus did not take when they came.

use std::time::Duration;

use event_bus::{BusError, EventBus};
use postgres_store::{IngressRow, OutboxDepth, StoreError};
use uuid::Uuid;
use worker_process::{Outbox, OutboxMetrics, Published, check_database};

use crate::intake::Intake;

pub(crate) struct IngressOutbox<B> {
    pub(crate) intake: Intake<B>,
}

impl<B: EventBus> Outbox for IngressOutbox<B> {
    type Row = IngressRow;

    const NAME: &'static str = "ingress outbox";
    const METRICS: OutboxMetrics = OutboxMetrics {
        published: "coppice_ingress_relayed_total",
        refused: None,
        waiting: "coppice_ingress_outbox_waiting",
        oldest_seconds: "coppice_ingress_outbox_oldest_seconds",
    };

    async fn lease(&self, limit: u32, lease: Duration) -> Result<Vec<Self::Row>, StoreError> {
        self.intake.store.lease_ingress_events(limit, lease).await
    }

    async fn publish(&self, rows: &[Self::Row]) -> Result<Published, BusError> {
        self.intake.publish(rows).await
    }

    fn event_id(row: &Self::Row) -> Uuid {
        row.event_id
    }

    async fn remove(&self, event_ids: &[Uuid]) -> Result<(), StoreError> {
        self.intake.store.remove_ingress_events(event_ids).await
    }

    async fn release(&self, event_ids: &[Uuid], delay: Duration) -> Result<(), StoreError> {
        self.intake.store.release_ingress_events(event_ids, delay).await
    }

    async fn depth(&self) -> Result<OutboxDepth, StoreError> {
        self.intake.store.ingress_outbox_depth().await
    }

    async fn filled(&self) {
        self.intake.stored.notified().await;
    }

    async fn turn(&self, measure: bool) {
        if !measure {
            return;
        }
        if let Err(error) = self.intake.look_for_bus().await {
            tracing::warn!(%error, "bus was looked for");
        }
        if let Err(error) = check_database(&self.intake.store).await {
            tracing::warn!(%error, "database takes no writes");
        }
    }
}
