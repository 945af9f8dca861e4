//! Makes an event safe: on the bus, or else in the outbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use event_bus::{BusEntry, BusEntryError, BusError, EventBus};
use postgres_store::{IngressRow, Store};
use tokio::sync::Notify;
use worker_process::Published;

/// The bus and the outbox. Clones share them.
#[derive(Debug, Clone)]
pub struct Intake<B> {
    pub(crate) bus: B,
    pub(crate) store: Store,
    pub(crate) stored: Arc<Notify>,
    missing: Arc<AtomicBool>,
}

/// Where an accepted event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Safe {
    Published,
    Stored,
}

/// Neither bus nor database accepted it.
#[derive(Debug, thiserror::Error)]
#[error("event is neither on the bus nor in the outbox")]
pub(crate) struct NotSafe;

impl<B: EventBus> Intake<B> {
    /// Publishes to `bus`, and keeps events that it does not accept in `store`.
    pub fn new(bus: B, store: Store) -> Self {
        Self { bus, store, stored: Arc::default(), missing: Arc::default() }
    }

    /// Checks whether the bus exists. The result counts until a later check has one.
    pub(crate) async fn look_for_bus(&self) -> Result<(), BusError> {
        // `PutEvents` accepts events for a bus that does not exist, and loses them.
        let found = self.bus.verify().await;
        let missing = match &found {
            Ok(()) => false,
            Err(BusError::Missing { .. }) => true,
            Err(_) => return found,
        };
        if self.missing.swap(missing, Ordering::Relaxed) != missing {
            match missing {
                true => tracing::error!("bus is missing: events are stored until it exists"),
                false => tracing::info!("bus exists again"),
            }
        }
        found
    }

    /// Makes events safe.
    pub(crate) async fn accept(&self, rows: Vec<IngressRow>, limit: Duration) -> Result<Safe, NotSafe> {
        let taken = match tokio::time::timeout(limit, self.publish(&rows)).await {
            Ok(Ok(published)) => published.taken,
            Ok(Err(error)) => {
                tracing::warn!(%error, "bus took nothing");
                Vec::new()
            }
            Err(_) => {
                // It may have accepted them. Then they come twice, which consumers have to handle anyway.
                tracing::warn!("bus did not answer in time");
                Vec::new()
            }
        };
        let left: Vec<IngressRow> = rows.into_iter().filter(|row| !taken.contains(&row.event_id)).collect();
        if left.is_empty() {
            return Ok(Safe::Published);
        }
        // After an error some may still be on the bus; the provider sends all of them again.
        if let Err(error) = self.store.keep_ingress_events(&left).await {
            tracing::error!(%error, events = left.len(), "events are neither on the bus nor in the outbox");
            return Err(NotSafe);
        }
        self.stored.notify_one();
        Ok(Safe::Stored)
    }

    /// Publishes rows, and returns the IDs of those that the bus accepted.
    pub(crate) async fn publish(&self, rows: &[IngressRow]) -> Result<Published, BusError> {
        // While the bus is missing, no event is sent to it.
        if self.missing.load(Ordering::Relaxed) {
            return Ok(Published::default());
        }
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            match entry(row) {
                Ok(entry) => entries.push((row.event_id, entry)),
                Err(error) => tracing::error!(event_id = %row.event_id, %error, "event cannot be published"),
            }
        }
        let malformed = rows.len() - entries.len();
        let published = worker_process::publish(&self.bus, entries).await?;
        Ok(Published { refused: published.refused + malformed, ..published })
    }
}

fn entry(row: &IngressRow) -> Result<BusEntry, BusEntryError> {
    BusEntry::provider(&row.source, &row.detail_type, &row.event)
}
