//! The outbox of announcements.

use std::time::Duration;

use event_bus::{BusEntry, BusError, EventBus};
use postgres_store::{LeasedAnnouncement, OutboxDepth, Store, StoreError};
use uuid::Uuid;

use crate::database::check_database;

use super::{Outbox, OutboxMetrics, Published, publish};

pub(crate) struct Announcements<B> {
    pub(crate) store: Store,
    pub(crate) bus: B,
}

impl<B: EventBus> Outbox for Announcements<B> {
    type Row = LeasedAnnouncement;

    const NAME: &'static str = "outbox";
    const METRICS: OutboxMetrics = OutboxMetrics {
        published: "coppice_announcements_published_total",
        refused: Some("coppice_announcements_refused_total"),
        waiting: "coppice_outbox_waiting",
        oldest_seconds: "coppice_outbox_oldest_seconds",
    };

    async fn lease(&self, limit: u32, lease: Duration) -> Result<Vec<Self::Row>, StoreError> {
        self.store.lease_announcements(limit, lease).await
    }

    async fn publish(&self, rows: &[Self::Row]) -> Result<Published, BusError> {
        let entry = |row| (Self::event_id(row), BusEntry::announcement(row.kind, &row.announcement));
        publish(&self.bus, rows.iter().map(entry).collect()).await
    }

    fn event_id(row: &Self::Row) -> Uuid {
        row.announcement.event_id
    }

    async fn remove(&self, event_ids: &[Uuid]) -> Result<(), StoreError> {
        self.store.remove_announcements(event_ids).await
    }

    async fn release(&self, event_ids: &[Uuid], delay: Duration) -> Result<(), StoreError> {
        self.store.release_announcements(event_ids, delay).await
    }

    async fn depth(&self) -> Result<OutboxDepth, StoreError> {
        self.store.outbox_depth().await
    }

    async fn filled(&self) {
        self.store.outbox_filled().await;
    }

    async fn turn(&self, measure: bool) {
        // The metric has to be true also where no probe asks whether the process is ready.
        if measure && let Err(error) = check_database(&self.store).await {
            tracing::warn!(%error, "database takes no writes");
        }
    }
}
