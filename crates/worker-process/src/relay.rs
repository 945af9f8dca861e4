//! The outbox relay: publishes every committed announcement to the bus, at least once.
//!
//! Every worker process runs one. A relay leases the rows that it publishes, so that others leave them alone. No
//! transaction is open while it waits for the bus.

use std::time::{Duration, Instant};

use event_bus::{BusEntry, EntryError, EventBus};
use metrics::{counter, gauge};
use postgres_store::{LeasedAnnouncement, Store};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Rows in one lease.
const BATCH: u32 = 100;

/// How long a relay's lease of rows lasts: longer than publishing a batch takes while the bus is well. If publishing takes
/// longer, a second relay may publish the rows too. Consumers handle repeated events anyway.
pub const RELAY_LEASE: Duration = Duration::from_secs(10);

/// How often to look without a notification: finds rows whose relay died.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How often the depth of the outbox is measured.
const MEASURE_INTERVAL: Duration = Duration::from_secs(10);

/// Wait after the bus did not accept a row.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// Longest that a stopping relay goes on publishing.
const DRAIN_LIMIT: Duration = Duration::from_secs(3);

/// Publishes until `stop`, and then the rows that are left.
pub(crate) async fn run<B: EventBus>(store: Store, bus: B, stop: CancellationToken) {
    let mut next_measure = Instant::now();
    while !stop.is_cancelled() {
        if Instant::now() >= next_measure {
            next_measure = Instant::now() + MEASURE_INTERVAL;
            measure(&store).await;
        }
        let published = publish_once(&store, &bus).await;
        if published == 0 {
            tokio::select! {
                () = store.outbox_filled() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = stop.cancelled() => {}
            }
        }
    }
    let rest = async { while publish_once(&store, &bus).await > 0 {} };
    if tokio::time::timeout(DRAIN_LIMIT, rest).await.is_err() {
        tracing::warn!("relay stopped with announcements in the outbox: another process publishes them");
    }
}

/// Measures how many announcements wait, and for how long: consumers do not learn of changes in an outbox that fills up.
async fn measure(store: &Store) {
    let Ok(depth) = store.outbox_depth().await else { return };
    let oldest = depth.oldest_at.map_or(0.0, |at| (OffsetDateTime::now_utc() - at).as_seconds_f64().max(0.0));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 rows")]
    gauge!("coppice_outbox_waiting").set(depth.waiting as f64);
    gauge!("coppice_outbox_oldest_seconds").set(oldest);
}

/// Publishes one batch. Returns how many entries the bus accepted.
async fn publish_once<B: EventBus>(store: &Store, bus: &B) -> usize {
    let leased = match store.lease_announcements(BATCH, RELAY_LEASE).await {
        Ok(leased) => leased,
        Err(error) => {
            tracing::warn!(%error, "outbox cannot be read");
            return 0;
        }
    };
    if leased.is_empty() {
        return 0;
    }
    let (accepted, left) = publish(bus, &leased).await;
    counter!("coppice_announcements_published_total").increment(accepted.len() as u64);
    counter!("coppice_announcements_refused_total").increment(left.len() as u64);
    let removed = store.remove_announcements(&accepted).await;
    let released = match left.is_empty() {
        true => Ok(()),
        false => store.release_announcements(&left, RETRY_DELAY).await,
    };
    if let Err(error) = removed.and(released) {
        tracing::warn!(%error, "outbox cannot be written: its rows will be published once more");
    }
    accepted.len()
}

async fn publish<B: EventBus>(bus: &B, leased: &[LeasedAnnouncement]) -> (Vec<Uuid>, Vec<Uuid>) {
    let ids = leased.iter().map(|row| row.announcement.event_id);
    let entries: Vec<BusEntry> =
        leased.iter().map(|row| BusEntry::announcement(row.kind, &row.announcement)).collect();
    let results = match bus.publish(&entries).await {
        Ok(results) => results,
        Err(error) => {
            tracing::warn!(%error, rows = leased.len(), "bus accepted no entry");
            return (Vec::new(), ids.collect());
        }
    };
    let (mut accepted, mut left) = (Vec::new(), Vec::new());
    for (id, result) in ids.zip(results) {
        match result {
            Ok(()) => accepted.push(id),
            Err(error @ EntryError::Unavailable { .. }) => {
                tracing::warn!(event_id = %id, %error, "bus did not accept an announcement");
                left.push(id);
            }
            Err(error @ EntryError::Refused { .. }) => {
                // An error: it stays in the outbox until an operator fixes the permission or the contract.
                tracing::error!(event_id = %id, %error, "bus refuses an announcement");
                left.push(id);
            }
        }
    }
    (accepted, left)
}
