//! Publishes the outbox: what is committed reaches the bus, at least once.
//!
//! Every worker process runs one; they share the rows by claims. Nothing is open in the database while the bus is
//! waited for.

use std::time::{Duration, Instant};

use event_bus::{BusEntry, EntryError, EventBus};
use metrics::{counter, gauge};
use postgres_store::{LeasedAnnouncement, Store};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Rows in one claim.
const BATCH: u32 = 100;

/// How long a relay's claim on rows holds: longer than publishing a batch takes while the bus is well. When it is not, a
/// second relay may publish them too, which consumers must bear anyway.
pub const RELAY_LEASE: Duration = Duration::from_secs(10);

/// How often to look without being told: finds rows whose relay died.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How often to say how much waits.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// Wait after a row was not taken.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// Longest that a stopping relay goes on publishing.
const DRAIN_LIMIT: Duration = Duration::from_secs(3);

/// Publishes until `stop`, and then what is left.
pub(crate) async fn run<B: EventBus>(store: Store, bus: B, stop: CancellationToken) {
    let mut next_look = Instant::now();
    while !stop.is_cancelled() {
        if Instant::now() >= next_look {
            next_look = Instant::now() + LOOK_INTERVAL;
            look(&store).await;
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

/// Shows how much waits, and for how long: an outbox that fills up is changes that nobody hears of.
async fn look(store: &Store) {
    let Ok(depth) = store.outbox_depth().await else { return };
    let oldest = depth.oldest_at.map_or(0.0, |at| (OffsetDateTime::now_utc() - at).as_seconds_f64().max(0.0));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 rows")]
    gauge!("coppice_outbox_waiting").set(depth.waiting as f64);
    gauge!("coppice_outbox_oldest_seconds").set(oldest);
}

/// Publishes one batch and answers how many the bus took.
async fn publish_once<B: EventBus>(store: &Store, bus: &B) -> usize {
    let claimed = match store.lease_announcements(BATCH, RELAY_LEASE).await {
        Ok(claimed) => claimed,
        Err(error) => {
            tracing::warn!(%error, "outbox cannot be read");
            return 0;
        }
    };
    if claimed.is_empty() {
        return 0;
    }
    let (taken, left) = publish(bus, &claimed).await;
    counter!("coppice_announcements_published_total").increment(taken.len() as u64);
    counter!("coppice_announcements_refused_total").increment(left.len() as u64);
    let removed = store.remove_announcements(&taken).await;
    let released = match left.is_empty() {
        true => Ok(()),
        false => store.release_announcements(&left, RETRY_DELAY).await,
    };
    if let Err(error) = removed.and(released) {
        tracing::warn!(%error, "outbox cannot be written: its rows will be published once more");
    }
    taken.len()
}

async fn publish<B: EventBus>(bus: &B, claimed: &[LeasedAnnouncement]) -> (Vec<Uuid>, Vec<Uuid>) {
    let ids = claimed.iter().map(|row| row.announcement.event_id);
    let entries: Vec<BusEntry> =
        claimed.iter().map(|row| BusEntry::announcement(row.kind, &row.announcement)).collect();
    let results = match bus.publish(&entries).await {
        Ok(results) => results,
        Err(error) => {
            tracing::warn!(%error, rows = claimed.len(), "bus took nothing");
            return (Vec::new(), ids.collect());
        }
    };
    let (mut taken, mut left) = (Vec::new(), Vec::new());
    for (id, result) in ids.zip(results) {
        match result {
            Ok(()) => taken.push(id),
            Err(error @ EntryError::Unavailable { .. }) => {
                tracing::warn!(event_id = %id, %error, "bus did not take an announcement");
                left.push(id);
            }
            Err(error @ EntryError::Refused { .. }) => {
                // An error: it stays in the outbox until somebody mends the permission or the contract.
                tracing::error!(event_id = %id, %error, "bus refuses an announcement");
                left.push(id);
            }
        }
    }
    (taken, left)
}
