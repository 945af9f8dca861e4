//! Requests held at a gate, to be let go in the order that a test wants.
//!
//! The reply is made when the request arrives and sent when it is released: what a slow network does, and the way to
//! stage "the older answer arrives last".

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

/// How long a test waits for requests that should come.
const LIMIT: Duration = Duration::from_secs(60);

/// Holds the requests for one record. Dropping it lets all of them go.
#[derive(Debug)]
pub struct Gate {
    shared: Arc<Shared>,
}

/// What the gate and the server share.
#[derive(Debug)]
pub(crate) struct Shared {
    held: Mutex<Option<Vec<Option<oneshot::Sender<()>>>>>,
    arrived: watch::Sender<usize>,
}

impl Gate {
    pub(crate) fn new() -> (Self, Arc<Shared>) {
        let shared = Arc::new(Shared { held: Mutex::new(Some(Vec::new())), arrived: watch::Sender::new(0) });
        (Self { shared: Arc::clone(&shared) }, shared)
    }

    /// Waits until `count` requests in all have arrived.
    ///
    /// # Panics
    /// When they do not within a minute.
    pub async fn arrived(&self, count: usize) {
        let mut arrived = self.shared.arrived.subscribe();
        let enough = arrived.wait_for(|arrived| *arrived >= count);
        let in_time = tokio::time::timeout(LIMIT, enough).await;
        assert!(in_time.is_ok(), "{count} requests at the gate within {LIMIT:?}");
    }

    /// Lets the request go that arrived as number `index`, from 0.
    ///
    /// # Panics
    /// When it has not arrived, or was let go already.
    pub fn release(&self, index: usize) {
        let mut held = self.shared.lock();
        let waiting = held.as_mut().and_then(|held| held.get_mut(index)).and_then(Option::take);
        let _ = waiting.expect("a request of this number is held").send(());
    }

    /// Lets all requests go, and those still to come.
    pub fn open(&self) {
        self.shared.lock().take();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

impl Shared {
    /// Waits until the request is let go. Returns at once when the gate is open.
    pub(crate) async fn pass(&self) {
        let Some(released) = self.join() else { return };
        let _ = released.await; // An opened gate drops the senders.
    }

    fn join(&self) -> Option<oneshot::Receiver<()>> {
        let (release, released) = oneshot::channel();
        self.lock().as_mut()?.push(Some(release));
        self.arrived.send_modify(|arrived| *arrived += 1);
        Some(released)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Option<oneshot::Sender<()>>>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
