//! A queue in memory that is as difficult as SQS: of several possible behaviours, it takes the one that harms.
//!
//! In: calls of [`Queue`], and faults to inject. Out: what [`Queue`] answers, and a view for assertions. It runs on tokio's
//! clock. Not modelled: FIFO, delays, retention, and the lag of the approximate counters.

mod faults;
mod store;
mod view;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

pub use faults::CallFailure;
use faults::Faults;
use store::Store;
pub use view::MessageView;

use crate::queue::{over_batch_limit, visibility_secs};
use crate::{
    BATCH_LIMIT, Depth, EntryError, MAX_WAIT, Operation, OutgoingMessage, Queue, QueueError, Receipt,
    ReceivedMessage,
};

/// How SQS caps the messages in flight of one standard queue.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>
const IN_FLIGHT_LIMIT: usize = 120_000;

const PAYLOAD_LIMIT_BYTES: usize = 1_048_576;

/// What a queue is made with.
#[derive(Clone)]
pub struct MemoryQueueConfig {
    /// How long a received message stays invisible.
    pub visibility_timeout: Duration,
    /// The dead-letter queue, and SQS's `maxReceiveCount`.
    pub redrive: Option<(MemoryQueue, u32)>,
}

impl Default for MemoryQueueConfig {
    fn default() -> Self {
        // SQS's own default.
        Self { visibility_timeout: Duration::from_secs(30), redrive: None }
    }
}

/// A standard queue in memory. Clones are handles of the same queue.
#[derive(Clone)]
pub struct MemoryQueue {
    shared: Arc<Shared>,
}

struct Shared {
    config: MemoryQueueConfig,
    inner: Mutex<Inner>,
    changed: Notify,
}

struct Inner {
    store: Store,
    faults: Faults,
    in_flight_limit: usize,
}

struct Look {
    taken: Vec<ReceivedMessage>,
    next_due: Option<Instant>,
}

impl Default for MemoryQueue {
    fn default() -> Self {
        Self::new(MemoryQueueConfig::default())
    }
}

impl MemoryQueue {
    /// An empty queue.
    pub fn new(config: MemoryQueueConfig) -> Self {
        let inner =
            Inner { store: Store::new(), faults: Faults::default(), in_flight_limit: IN_FLIGHT_LIMIT };
        Self { shared: Arc::new(Shared { config, inner: Mutex::new(inner), changed: Notify::new() }) }
    }

    /// Moves everything that is visible to `to`, as SQS's move task does: with a new ID, sending time and count.
    pub fn move_all_to(&self, to: &Self) {
        let moved = self.inner().store.take_all_visible(Instant::now());
        let mut target = to.inner();
        for message in moved {
            target.store.send(&message, Instant::now());
        }
        drop(target);
        to.shared.changed.notify_waiters();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked while it held the lock leaves a usable queue.
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, max: usize) -> Look {
        let now = Instant::now();
        let mut inner = self.inner();
        inner.store.settle(now);
        // On the receive after the last allowed one; the messages keep their sending time.
        let exhausted = match &self.shared.config.redrive {
            Some((_, max_receive_count)) => inner.store.take_exhausted(*max_receive_count),
            None => Vec::new(),
        };
        let room = inner.in_flight_limit.saturating_sub(inner.store.in_flight());
        let Inner { store, faults, .. } = &mut *inner;
        let taken = store.receive(max.min(room), now, self.shared.config.visibility_timeout, faults);
        let next_due = store.next_due();
        // The dead-letter queue is locked next, and never two at a time.
        drop(inner);
        self.dead_letter(exhausted);
        Look { taken, next_due }
    }

    fn dead_letter(&self, exhausted: Vec<store::Stored>) {
        let Some((dead_letters, _)) = self.shared.config.redrive.as_ref().filter(|_| !exhausted.is_empty())
        else {
            return;
        };
        dead_letters.inner().store.accept(exhausted);
        dead_letters.shared.changed.notify_waiters();
    }

    fn is_full(&self) -> bool {
        let mut inner = self.inner();
        inner.store.settle(Instant::now());
        inner.store.in_flight() >= inner.in_flight_limit
    }

    fn batch<I>(
        &self,
        operation: Operation,
        entries: &[I],
        run: impl Fn(&mut Store, &I) -> Result<(), EntryError>,
    ) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        over_batch_limit(operation, entries.len())?;
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let mut inner = self.inner();
        inner.faults.begin(operation)?;
        inner.store.settle(Instant::now());
        let failing = inner.faults.take_entry_failures(operation);
        let results = entries.iter().enumerate().map(|(position, entry)| match failing.get(&position) {
            Some(failure) => Err(failure.clone()),
            None => run(&mut inner.store, entry),
        });
        let results = results.collect();
        let reply = inner.faults.reply(operation, results);
        drop(inner);
        self.shared.changed.notify_waiters();
        reply
    }
}

impl Queue for MemoryQueue {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<ReceivedMessage>, QueueError> {
        self.inner().faults.begin(Operation::Receive)?;
        if self.inner().faults.take_empty_answer() {
            return Ok(Vec::new());
        }
        // At the cap of messages in flight, SQS answers empty when asked with a wait, and an error without.
        if wait.is_zero() && self.is_full() {
            let code = "OverLimit".to_owned();
            return Err(QueueError::Unavailable { operation: Operation::Receive.name(), code });
        }
        let deadline = Instant::now() + wait.min(MAX_WAIT);
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            // Before the attempt: a message that is sent between the attempt and the wait must wake us.
            changed.as_mut().enable();
            let look = self.look(max.clamp(1, BATCH_LIMIT));
            if !look.taken.is_empty() {
                return self.inner().faults.reply(Operation::Receive, look.taken);
            }
            if Instant::now() >= deadline {
                return Ok(Vec::new());
            }
            let wake = look.next_due.map_or(deadline, |due| due.min(deadline));
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        self.batch(Operation::Delete, receipts, Store::delete)
    }

    async fn change_visibility(
        &self,
        entries: &[(Receipt, Duration)],
    ) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        self.batch(Operation::ChangeVisibility, entries, |store, (receipt, after)| {
            let after = Duration::from_secs(u64::try_from(visibility_secs(*after)).unwrap_or_default());
            store.change_visibility(receipt, after, Instant::now())
        })
    }

    async fn send(&self, messages: &[OutgoingMessage]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        if messages.iter().map(store::payload_bytes).sum::<usize>() > PAYLOAD_LIMIT_BYTES {
            let code = "BatchRequestTooLong".to_owned();
            return Err(QueueError::Refused { operation: Operation::Send.name(), code });
        }
        self.batch(Operation::Send, messages, |store, message| {
            store::check(message)?;
            store.send(message, Instant::now());
            Ok(())
        })
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let mut inner = self.inner();
        inner.faults.begin(Operation::Depth)?;
        inner.store.settle(Instant::now());
        let depth = inner.store.depth();
        inner.faults.reply(Operation::Depth, depth)
    }
}
