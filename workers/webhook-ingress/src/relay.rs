//! Publishes the ingress outbox, at least once: what the bus did not take when it came.
//!
//! Every process runs one; they share the rows by claims. Nothing is open in the database while the bus is waited for.

use std::time::{Duration, Instant};

use event_bus::EventBus;
use metrics::{counter, gauge};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker_process::RELAY_LEASE;

use crate::health::Liveness;
use crate::intake::Intake;

/// Rows in one claim.
const BATCH: u32 = 100;

/// How often to look without being told: finds rows whose relay died.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Wait after the bus took nothing, and for a row that it did not take.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// How often to look for the bus, and to say how much waits.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// Longest that a stopping relay goes on publishing.
const DRAIN_LIMIT: Duration = Duration::from_secs(3);

/// What came of one batch.
enum Turn {
    /// Nothing waits, or the outbox cannot be read.
    Idle,
    /// The bus took some.
    Published,
    /// It took none.
    Refused,
}

/// Publishes until `stop`, and then what is left.
pub(crate) async fn run<B: EventBus>(intake: Intake<B>, liveness: Liveness, stop: CancellationToken) {
    let mut next_look = Instant::now();
    while !stop.is_cancelled() {
        liveness.beat();
        if Instant::now() >= next_look {
            next_look = Instant::now() + LOOK_INTERVAL;
            look(&intake).await;
        }
        match publish_once(&intake).await {
            Turn::Published => {}
            Turn::Idle => {
                tokio::select! {
                    () = intake.stored.notified() => {}
                    () = tokio::time::sleep(POLL_INTERVAL) => {}
                    () = stop.cancelled() => {}
                }
            }
            // Not woken by what is stored meanwhile: a bus that is down is not asked for every webhook.
            Turn::Refused => {
                tokio::select! {
                    () = tokio::time::sleep(RETRY_DELAY) => {}
                    () = stop.cancelled() => {}
                }
            }
        }
    }
    let rest = async { while matches!(publish_once(&intake).await, Turn::Published) {} };
    if tokio::time::timeout(DRAIN_LIMIT, rest).await.is_err() {
        tracing::warn!("relay stopped with events in the outbox: another process publishes them");
    }
}

/// Looks whether the bus is there, and shows how much waits, and for how long.
async fn look<B: EventBus>(intake: &Intake<B>) {
    if let Err(error) = intake.look_for_bus().await {
        tracing::warn!(%error, "bus was looked for");
    }
    let Ok(depth) = intake.store.ingress_outbox_depth().await else { return };
    let oldest = depth.oldest_at.map_or(0.0, |at| (OffsetDateTime::now_utc() - at).as_seconds_f64().max(0.0));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 rows")]
    gauge!("coppice_ingress_outbox_waiting").set(depth.waiting as f64);
    gauge!("coppice_ingress_outbox_oldest_seconds").set(oldest);
}

async fn publish_once<B: EventBus>(intake: &Intake<B>) -> Turn {
    let claimed = match intake.store.lease_ingress_events(BATCH, RELAY_LEASE).await {
        Ok(claimed) if claimed.is_empty() => return Turn::Idle,
        Ok(claimed) => claimed,
        Err(error) => {
            tracing::warn!(%error, "ingress outbox cannot be read");
            return Turn::Idle;
        }
    };
    let taken = intake.publish(&claimed).await.unwrap_or_else(|error| {
        tracing::warn!(%error, rows = claimed.len(), "bus took nothing");
        Vec::new()
    });
    let left: Vec<Uuid> =
        claimed.iter().map(|row| row.event_id).filter(|event_id| !taken.contains(event_id)).collect();
    counter!("coppice_ingress_relayed_total").increment(taken.len() as u64);
    let removed = intake.store.remove_ingress_events(&taken).await;
    let released = match left.is_empty() {
        true => Ok(()),
        false => intake.store.release_ingress_events(&left, RETRY_DELAY).await,
    };
    if let Err(error) = removed.and(released) {
        tracing::warn!(%error, "ingress outbox cannot be written: its rows will be published once more");
    }
    if taken.is_empty() { Turn::Refused } else { Turn::Published }
}
