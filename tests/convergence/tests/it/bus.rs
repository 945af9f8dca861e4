//! A bus that duplicates, delays, reorders and loses events.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use config::Config;
use event_contract::INTERNAL_SOURCE;
use postgres_store::{LeasedAnnouncement, Store};
use serde_json::{Value, json};
use sqs_queue::{MemoryQueue, MemoryQueueConfig, OutgoingMessage, Queue};
use testkit::Chaos;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::forest::Forest;

/// The share of the providers' events that the bus loses.
const LOST: f64 = 0.05;

/// The branches, and the faults on the way to them.
#[derive(Clone)]
pub(crate) struct Bus {
    pub(crate) chaos: Chaos,
    pub(crate) branches: Arc<Branches>,
    /// Events and calls in progress. The bus is not empty before this is 0.
    under_way: Arc<AtomicUsize>,
    /// Events that the bus has delivered so far.
    pub(crate) carried: Arc<AtomicUsize>,
    /// Lost events, until `find_lost_events` delivers them.
    lost: Arc<Mutex<Vec<(MemoryQueue, String)>>>,
    /// Announcements that the relay has leased so far.
    pub(crate) announced: Arc<AtomicUsize>,
}

/// One unit for one source, with its queues.
pub(crate) struct Branch {
    pub(crate) queue: MemoryQueue,
    pub(crate) dlq: MemoryQueue,
}

/// The branches of a forest.
pub(crate) struct Branches {
    /// Of the unit that reads each source, by the source's place.
    pub(crate) reading: Vec<Branch>,
    /// Of `crm-account`, by the place of the source that is pushed to.
    pub(crate) pushing: BTreeMap<usize, Branch>,
}

impl Branches {
    /// A source that any version of the file pushes to has a branch from the start.
    pub(crate) fn of(forest: &Forest, configs: &[Config]) -> Self {
        let is_pushed =
            |name: &str| configs.iter().any(|config| config.policy().targets().any(|one| one == name));
        let places = forest.sources.iter().enumerate().filter(|(_, source)| is_pushed(&source.name));
        Self {
            reading: forest.sources.iter().map(|_| Branch::new()).collect(),
            pushing: places.map(|(place, _)| (place, Branch::new())).collect(),
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Branch> {
        self.reading.iter().chain(self.pushing.values())
    }
}

impl Branch {
    fn new() -> Self {
        let dlq = MemoryQueue::default();
        let config = MemoryQueueConfig {
            visibility_timeout: Duration::from_secs(30),
            redrive: Some((dlq.clone(), 1000)),
        };
        Self { queue: MemoryQueue::new(config), dlq }
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
    pub(crate) fn new(chaos: Chaos, branches: Branches) -> Self {
        Self {
            chaos,
            branches: Arc::new(branches),
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
        under_way == 0 && self.branches.all().all(|branch| branch.queue.messages().is_empty())
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

    /// Delivers an announcement to every branch of `crm-account`.
    pub(crate) fn carry_to_pushed(&self, body: &str) {
        for branch in self.branches.pushing.values() {
            self.carry(&branch.queue, body.to_owned());
        }
    }

    /// Publishes announcements as the relay of `worker-process` does, and routes them as the rules of `crm-account` do, to
    /// each of its branches.
    pub(crate) async fn carry_announcements(&self, store: &Store) {
        let busy = self.clone().busy();
        // If the database is busy, the relay asks again. If a row is not removed, its lease lapses, and the relay
        // publishes it once more.
        let leased = store.lease_announcements(100, Duration::from_secs(10)).await.unwrap_or_default();
        self.announced.fetch_add(leased.len(), Ordering::SeqCst);
        for one in &leased {
            if matches!(one.kind.detail_type(), "PersonChanged" | "IdentityVerified") {
                self.carry_to_pushed(&envelope(one));
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
