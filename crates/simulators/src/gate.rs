//! Holds requests at a gate, and releases them in the order that a test chooses.
//!
//! The simulator makes the reply when the request arrives, and sends it when the test releases the request. A slow network has
//! the same effect. So a test can make the older answer arrive last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

/// Longest wait of a test for requests.
const LIMIT: Duration = Duration::from_secs(60);

/// Holds the requests for one record. Dropping it releases all of them.
#[derive(Debug)]
pub struct Gate {
    shared: Arc<Shared>,
}

/// The state that the gate and the server share.
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

    /// Waits until `count` requests in total have arrived.
    ///
    /// # Panics
    /// When they do not within a minute.
    pub async fn arrived(&self, count: usize) {
        let mut arrived = self.shared.arrived.subscribe();
        let enough = arrived.wait_for(|arrived| *arrived >= count);
        let in_time = tokio::time::timeout(LIMIT, enough).await;
        assert!(in_time.is_ok(), "{count} requests at the gate within {LIMIT:?}");
    }

    /// Releases the request that arrived as number `index`, from 0.
    ///
    /// # Panics
    /// When it has not arrived, or was released already.
    pub fn release(&self, index: usize) {
        let mut held = self.shared.lock();
        let waiting = held.as_mut().and_then(|held| held.get_mut(index)).and_then(Option::take);
        let _ = waiting.expect("a request of this number is held").send(());
    }

    /// Releases all requests, and lets later ones pass.
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
    /// Waits until the request is released. Returns at once if the gate is open.
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
