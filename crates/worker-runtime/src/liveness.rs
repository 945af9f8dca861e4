//! Liveness: whether the loop turns, whether receives are answered, and whether our own side stops it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Shared between the loop, which records its turns, and the health port, which reads them.
#[derive(Debug, Clone)]
pub struct Liveness {
    start: Instant,
    turned_ms: Arc<AtomicU64>,
    answered_ms: Arc<AtomicU64>,
    own_outage: Arc<AtomicBool>,
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            turned_ms: Arc::default(),
            answered_ms: Arc::default(),
            own_outage: Arc::default(),
        }
    }
}

impl Liveness {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn turn(&self) {
        self.turned_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// A receive came back, with messages or without, or receiving is paused on purpose.
    pub(crate) fn receive_answered(&self) {
        self.answered_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    pub(crate) fn set_own_outage(&self, is_down: bool) {
        self.own_outage.store(is_down, Ordering::Relaxed);
    }

    /// Whether the loop receives nothing because our own side fails: the database, or the way to it.
    pub fn is_own_outage(&self) -> bool {
        self.own_outage.load(Ordering::Relaxed)
    }

    /// How long ago the loop last turned.
    pub fn since_turn(&self) -> Duration {
        Duration::from_millis(self.now_ms().saturating_sub(self.turned_ms.load(Ordering::Relaxed)))
    }

    /// How long ago a receive last came back.
    pub fn since_receive(&self) -> Duration {
        Duration::from_millis(self.now_ms().saturating_sub(self.answered_ms.load(Ordering::Relaxed)))
    }
}
