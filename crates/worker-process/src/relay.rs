//! Publishes an outbox: every committed row reaches the bus at least once.
//!
//! In: an [`Outbox`], a table of events that wait for the bus. Out: each event on the bus, and its row deleted. No transaction
//! is open while the relay publishes. A relay that dies leaves its leases to expire; another relay publishes the rows again, so
//! consumers must accept an event twice.

mod announcements;

use std::future::Future;
use std::time::{Duration, Instant};

use event_bus::{BusEntry, BusError, EntryError, EventBus};
use metrics::{counter, gauge};
use postgres_store::{OutboxDepth, StoreError};
use time::OffsetDateTime;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::database::{ANSWER_LIMIT, in_time};
use crate::turns::Turns;

pub(crate) use announcements::Announcements;

const BATCH: u32 = 100;

/// Longer than publishing a batch takes while the bus is well. If it takes longer, a second relay may publish the same rows.
const LEASE: Duration = Duration::from_secs(10);

const POLL_INTERVAL: Duration = Duration::from_secs(2);

const MEASURE_INTERVAL: Duration = Duration::from_secs(10);

const RETRY_DELAY: Duration = Duration::from_secs(2);

/// Longer than the bus's client tries.
const PUBLISH_LIMIT: Duration = Duration::from_secs(30);

/// A relay that has not turned for longer hangs: its limits are together shorter.
pub const LONGEST_RELAY_TURN: Duration = Duration::from_secs(120);

/// How long a relay publishes the rest after its stop.
pub const RELAY_DRAIN_LIMIT: Duration = Duration::from_secs(3);

/// A table of events that wait for the bus, and the bus that takes them.
pub trait Outbox: Send + Sync + 'static {
    /// One event.
    type Row: Send + Sync;

    /// What logs call it.
    const NAME: &'static str;
    /// What it is counted by.
    const METRICS: OutboxMetrics;

    /// Leases up to `limit` rows; no other relay gets them until the lease expires.
    fn lease(
        &self,
        limit: u32,
        lease: Duration,
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;

    /// Publishes rows; see [`publish`].
    fn publish(&self, rows: &[Self::Row]) -> impl Future<Output = Result<Published, BusError>> + Send;

    /// The ID of a row's event.
    fn event_id(row: &Self::Row) -> Uuid;

    /// Deletes rows that the bus took.
    fn remove(&self, event_ids: &[Uuid]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends leases after `delay`.
    fn release(
        &self,
        event_ids: &[Uuid],
        delay: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// How many rows wait, and since when.
    fn depth(&self) -> impl Future<Output = Result<OutboxDepth, StoreError>> + Send;

    /// Waits until this process has added rows since the last call.
    fn filled(&self) -> impl Future<Output = ()> + Send;

    /// Called at the start of each turn, and with `measure` once in `MEASURE_INTERVAL`.
    fn turn(&self, _measure: bool) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// Names of an outbox's metrics.
#[derive(Debug, Clone, Copy)]
pub struct OutboxMetrics {
    /// Counts events that the bus took.
    pub published: &'static str,
    /// Counts events that the bus did not take, where that is counted.
    pub refused: Option<&'static str>,
    /// Gauge of rows that wait.
    pub waiting: &'static str,
    /// Gauge of the age of the oldest of them, in seconds.
    pub oldest_seconds: &'static str,
}

/// What the bus did with a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Published {
    /// IDs of the events that it took.
    pub taken: Vec<Uuid>,
    /// How many events it refused for good: a fault of the event or of a permission.
    pub refused: usize,
}

/// Publishes entries, each with its event's ID, and logs those that the bus did not take.
///
/// # Errors
/// [`BusError`] when the bus took none, as far as is known.
pub async fn publish<B: EventBus>(bus: &B, entries: Vec<(Uuid, BusEntry)>) -> Result<Published, BusError> {
    let (event_ids, entries): (Vec<Uuid>, Vec<BusEntry>) = entries.into_iter().unzip();
    let mut published = Published::default();
    for (event_id, result) in event_ids.into_iter().zip(bus.publish(&entries).await?) {
        match result {
            Ok(()) => published.taken.push(event_id),
            Err(error @ EntryError::Unavailable { .. }) => {
                tracing::warn!(%event_id, %error, "bus did not take an event");
            }
            Err(error @ EntryError::Refused { .. }) => {
                // An error: an operator has to fix the permission, or a developer the event.
                tracing::error!(%event_id, %error, "bus refuses an event");
                published.refused += 1;
            }
        }
    }
    Ok(published)
}

enum Turn {
    Published,
    /// No row is due, the outbox cannot be read, or the bus refused all.
    Idle,
    BusUnavailable,
}

/// Publishes until `stop`, and then the rest within [`RELAY_DRAIN_LIMIT`].
pub async fn run<O: Outbox>(outbox: O, turns: Turns, stop: CancellationToken) {
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(RELAY_DRAIN_LIMIT).await;
    };
    tokio::select! {
        () = publish_all(&outbox, &turns, &stop) => {}
        () = late => tracing::warn!(
            outbox = O::NAME,
            "relay stopped with events in the outbox: another process publishes them"
        ),
    }
}

async fn publish_all<O: Outbox>(outbox: &O, turns: &Turns, stop: &CancellationToken) {
    let mut next_measure = Instant::now();
    while !stop.is_cancelled() {
        turns.turn();
        let measure = Instant::now() >= next_measure;
        timeout(ANSWER_LIMIT, outbox.turn(measure)).await.ok();
        if measure {
            next_measure = Instant::now() + MEASURE_INTERVAL;
            set_gauges(outbox).await;
        }
        match publish_batch(outbox).await {
            Turn::Published => {}
            Turn::Idle => tokio::select! {
                () = outbox.filled() => {}
                // Finds rows whose relay died: nothing notifies of them.
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = stop.cancelled() => {}
            },
            Turn::BusUnavailable => tokio::select! {
                // Even if new rows are committed: one attempt for each commit would only add load.
                () = tokio::time::sleep(RETRY_DELAY) => {}
                () = stop.cancelled() => {}
            },
        }
    }
    while matches!(publish_batch(outbox).await, Turn::Published) {}
}

async fn set_gauges<O: Outbox>(outbox: &O) {
    let Ok(depth) = in_time(outbox.depth()).await else { return };
    let oldest = depth.oldest_at.map_or(0.0, |at| (OffsetDateTime::now_utc() - at).as_seconds_f64().max(0.0));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 rows")]
    gauge!(O::METRICS.waiting).set(depth.waiting as f64);
    gauge!(O::METRICS.oldest_seconds).set(oldest);
}

async fn publish_batch<O: Outbox>(outbox: &O) -> Turn {
    let rows = match in_time(outbox.lease(BATCH, LEASE)).await {
        Ok(rows) if rows.is_empty() => return Turn::Idle,
        Ok(rows) => rows,
        Err(error) => {
            tracing::warn!(outbox = O::NAME, %error, "outbox cannot be read");
            return Turn::Idle;
        }
    };
    let published = timeout(PUBLISH_LIMIT, outbox.publish(&rows)).await.unwrap_or_else(|_| {
        Err(BusError::Unavailable { operation: "PutEvents", code: String::from("timeout") })
    });
    let Published { taken, refused } = published.unwrap_or_else(|error| {
        tracing::warn!(outbox = O::NAME, %error, rows = rows.len(), "bus took nothing");
        Published::default()
    });
    let left: Vec<Uuid> = rows.iter().map(O::event_id).filter(|id| !taken.contains(id)).collect();
    counter!(O::METRICS.published).increment(taken.len() as u64);
    if let Some(metric) = O::METRICS.refused {
        counter!(metric).increment(left.len() as u64);
    }
    // If the process dies before this, another relay publishes the rows once more.
    let removed = in_time(outbox.remove(&taken)).await;
    let released = match left.is_empty() {
        true => Ok(()),
        false => in_time(outbox.release(&left, RETRY_DELAY)).await,
    };
    if let Err(error) = removed.and(released) {
        tracing::warn!(outbox = O::NAME, %error, "outbox cannot be written: its rows are published once more");
    }
    match (taken.is_empty(), refused) {
        (false, _) => Turn::Published,
        (true, 0) => Turn::BusUnavailable,
        (true, _) => Turn::Idle,
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use event_bus::RecordingBus;
    use event_contract::IngressEvent;

    use super::*;

    /// An outbox whose database does not answer, and which sends a word at each turn.
    struct SilentOutbox(tokio::sync::mpsc::UnboundedSender<()>);

    impl Outbox for SilentOutbox {
        type Row = ();

        const NAME: &'static str = "silent";
        const METRICS: OutboxMetrics = OutboxMetrics {
            published: "published",
            refused: None,
            waiting: "waiting",
            oldest_seconds: "oldest",
        };

        async fn lease(&self, _: u32, _: Duration) -> Result<Vec<()>, StoreError> {
            pending().await
        }

        async fn publish(&self, _: &[()]) -> Result<Published, BusError> {
            pending().await
        }

        fn event_id((): &()) -> Uuid {
            Uuid::nil()
        }

        async fn remove(&self, _: &[Uuid]) -> Result<(), StoreError> {
            pending().await
        }

        async fn release(&self, _: &[Uuid], _: Duration) -> Result<(), StoreError> {
            pending().await
        }

        async fn depth(&self) -> Result<OutboxDepth, StoreError> {
            pending().await
        }

        async fn filled(&self) {
            pending::<()>().await;
        }

        async fn turn(&self, _: bool) {
            self.0.send(()).unwrap();
            pending::<()>().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_relay_turns_and_ends_although_the_database_is_silent() {
        let (sender, mut turned) = tokio::sync::mpsc::unbounded_channel();
        let (turns, stop) = (Turns::default(), CancellationToken::new());
        let running = tokio::spawn(run(SilentOutbox(sender), turns.clone(), stop.clone()));
        for _ in 0..5 {
            timeout(LONGEST_RELAY_TURN, turned.recv()).await.unwrap().unwrap();
            assert_eq!(turns.since(), Duration::ZERO);
        }
        stop.cancel();
        timeout(RELAY_DRAIN_LIMIT * 2, running).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn only_an_event_that_the_bus_took_leaves_the_outbox() {
        let bus = RecordingBus::default();
        bus.fail_next_entries([0], &EntryError::Refused { code: String::from("AccessDenied") });
        bus.fail_next_entries([1], &EntryError::Unavailable { code: String::from("InternalFailure") });
        let entry = || {
            BusEntry::provider("coppice.ingress.test", "Test", &IngressEvent::changed(Vec::new())).unwrap()
        };
        let entries: Vec<(Uuid, BusEntry)> = (0..3).map(|_| (Uuid::now_v7(), entry())).collect();
        let third = entries[2].0;
        let published = publish(&bus, entries).await.unwrap();
        assert_eq!(published, Published { taken: vec![third], refused: 1 });
    }
}
