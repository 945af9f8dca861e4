//! A bus that duplicates, delays, reorders and loses events.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_contract::INTERNAL_SOURCE;
use postgres_store::{LeasedAnnouncement, Store};
use serde_json::{Value, json};
use sqs_queue::{MemoryQueue, MemoryQueueConfig, OutgoingMessage, Queue};
use testkit::Chaos;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// The share of the providers' events that the bus loses.
const LOST: f64 = 0.05;

/// The queues, and the faults on the way to them.
#[derive(Clone)]
pub(crate) struct Bus {
    pub(crate) chaos: Chaos,
    pub(crate) queues: Queues,
    /// Events and calls in progress. The bus is not empty before this is 0.
    under_way: Arc<AtomicUsize>,
    /// Events that the bus has delivered so far.
    pub(crate) carried: Arc<AtomicUsize>,
    /// Lost events, until `find_lost_events` delivers them.
    lost: Arc<Mutex<Vec<(MemoryQueue, String)>>>,
    /// Announcements that the relay has leased so far.
    pub(crate) announced: Arc<AtomicUsize>,
}

#[derive(Clone)]
pub(crate) struct Queues {
    pub(crate) sso_sync: MemoryQueue,
    pub(crate) crm_sync: MemoryQueue,
    pub(crate) identity_verification: MemoryQueue,
    pub(crate) crm_account: MemoryQueue,
}

impl Queues {
    pub(crate) fn all(&self) -> [&MemoryQueue; 4] {
        [&self.sso_sync, &self.crm_sync, &self.identity_verification, &self.crm_account]
    }
}

/// Marks work that may cause events. The bus is not empty until it is dropped.
pub(crate) struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Bus {
    pub(crate) fn new(chaos: Chaos, dlq: &MemoryQueue) -> Self {
        let queue = || {
            let config = MemoryQueueConfig {
                visibility_timeout: Duration::from_secs(30),
                redrive: Some((dlq.clone(), 1000)),
            };
            MemoryQueue::new(config)
        };
        let queues = Queues {
            sso_sync: queue(),
            crm_sync: queue(),
            identity_verification: queue(),
            crm_account: queue(),
        };
        Self {
            chaos,
            queues,
            under_way: Arc::default(),
            carried: Arc::default(),
            announced: Arc::default(),
            lost: Arc::default(),
        }
    }

    pub(crate) fn busy(self) -> Busy {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        Busy(self.under_way)
    }

    pub(crate) fn is_empty(&self) -> bool {
        let under_way = self.under_way.load(Ordering::SeqCst);
        under_way == 0 && self.queues.all().iter().all(|queue| queue.messages().is_empty())
    }

    /// Delivers a provider's event to a queue, or loses it.
    pub(crate) fn carry_or_lose(&self, queue: &MemoryQueue, body: String) {
        if self.chaos.happens(LOST) {
            self.lost.lock().unwrap().push((queue.clone(), body));
        } else {
            self.carry(queue, body);
        }
    }

    /// Delivers the lost events, as a resync later causes the same reads.
    pub(crate) fn find_lost_events(&self) {
        for (queue, body) in self.lost.lock().unwrap().drain(..) {
            self.carry(&queue, body);
        }
    }

    /// Delivers an event to a queue, sooner or later, once or several times.
    pub(crate) fn carry(&self, queue: &MemoryQueue, body: String) {
        let copies = 1 + usize::from(self.chaos.happens(0.2)) + usize::from(self.chaos.happens(0.1));
        for _ in 0..copies {
            let (bus, queue, body) = (self.clone(), queue.clone(), body.clone());
            let busy = self.clone().busy();
            tokio::spawn(async move {
                bus.chaos.delay().await;
                let message = OutgoingMessage { body, ..OutgoingMessage::default() };
                queue.send(&[message]).await.unwrap();
                bus.carried.fetch_add(1, Ordering::SeqCst);
                drop(busy);
            });
        }
    }

    /// Publishes announcements as the relay of `worker-process` does, and routes them as the rule `crm-account-internal`.
    pub(crate) async fn carry_announcements(&self, store: &Store) {
        let busy = self.clone().busy();
        // If the database is busy, the relay asks again. If a row is not removed, its lease lapses, and the relay
        // publishes it once more.
        let leased = store.lease_announcements(100, Duration::from_secs(10)).await.unwrap_or_default();
        self.announced.fetch_add(leased.len(), Ordering::SeqCst);
        for one in &leased {
            if matches!(one.kind.detail_type(), "PersonChanged" | "IdentityVerified") {
                self.carry(&self.queues.crm_account, envelope(one));
            }
        }
        let ids: Vec<Uuid> = leased.iter().map(|one| one.announcement.event_id).collect();
        let _ = store.remove_announcements(&ids).await;
        drop(busy);
        self.chaos.delay().await;
        if leased.is_empty() {
            let _ = tokio::time::timeout(Duration::from_millis(20), store.outbox_filled()).await;
        }
    }
}

pub(crate) fn envelope(leased: &LeasedAnnouncement) -> String {
    let detail: Value = serde_json::from_str(&leased.announcement.to_detail()).unwrap();
    json!({
        "id": Uuid::new_v4(), "source": INTERNAL_SOURCE, "detail-type": leased.kind.detail_type(),
        "time": OffsetDateTime::now_utc().format(&Rfc3339).unwrap(), "detail": detail,
    })
    .to_string()
}
