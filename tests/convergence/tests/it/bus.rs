//! The bus: it doubles, delays, reorders and loses.

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

/// How many of the providers' events are lost.
const LOST: f64 = 0.05;

/// Queues, and who delivers to them.
#[derive(Clone)]
pub(crate) struct Bus {
    pub(crate) chaos: Chaos,
    pub(crate) queues: Queues,
    /// Events on their way.
    under_way: Arc<AtomicUsize>,
    /// Events so far.
    pub(crate) carried: Arc<AtomicUsize>,
    /// Events that were lost, until somebody looks for them.
    lost: Arc<Mutex<Vec<(MemoryQueue, String)>>>,
    /// Announcements so far.
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

/// Something is being done that may lead to events.
pub(crate) struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Bus {
    pub(crate) fn new(chaos: Chaos, dead_letters: &MemoryQueue) -> Self {
        let queue = || {
            let config = MemoryQueueConfig {
                visibility_timeout: Duration::from_secs(30),
                redrive: Some((dead_letters.clone(), 1000)),
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

    /// Carries a provider's event to a queue, or loses it.
    pub(crate) fn carry_or_lose(&self, queue: &MemoryQueue, body: String) {
        if self.chaos.happens(LOST) {
            self.lost.lock().unwrap().push((queue.clone(), body));
        } else {
            self.carry(queue, body);
        }
    }

    /// Carries what was lost, as a resync has it read in the end.
    pub(crate) fn find_what_was_lost(&self) {
        for (queue, body) in self.lost.lock().unwrap().drain(..) {
            self.carry(&queue, body);
        }
    }

    /// Carries an event to a queue: soon or late, once or several times.
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

    /// As `worker-process` does it, and as the rule `crm-account-internal` routes.
    pub(crate) async fn carry_announcements(&self, store: &Store) {
        let busy = self.clone().busy();
        // A database that is busy is asked again; a claim that is not removed lapses, and is published once more.
        let claimed = store.lease_announcements(100, Duration::from_secs(10)).await.unwrap_or_default();
        self.announced.fetch_add(claimed.len(), Ordering::SeqCst);
        for one in &claimed {
            if matches!(one.kind.detail_type(), "PersonChanged" | "IdentityVerified") {
                self.carry(&self.queues.crm_account, envelope(one));
            }
        }
        let ids: Vec<Uuid> = claimed.iter().map(|one| one.announcement.event_id).collect();
        let _ = store.remove_announcements(&ids).await;
        drop(busy);
        self.chaos.delay().await;
        if claimed.is_empty() {
            let _ = tokio::time::timeout(Duration::from_millis(20), store.outbox_filled()).await;
        }
    }
}

pub(crate) fn envelope(claimed: &LeasedAnnouncement) -> String {
    let detail: Value = serde_json::from_str(&claimed.announcement.to_detail()).unwrap();
    json!({
        "id": Uuid::new_v4(), "source": INTERNAL_SOURCE, "detail-type": claimed.kind.detail_type(),
        "time": OffsetDateTime::now_utc().format(&Rfc3339).unwrap(), "detail": detail,
    })
    .to_string()
}
