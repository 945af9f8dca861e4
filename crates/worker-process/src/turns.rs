//! Whether a loop turns. The consumer's own is [`worker_runtime::Liveness`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When a loop last turned. Clones share it.
#[derive(Debug, Clone)]
pub struct Turns(Arc<Mutex<Instant>>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Turns {
    /// The loop turns.
    pub fn turn(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long ago the loop last turned.
    pub fn since(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// What is wrong with the loop `name` if it has not turned for `longest`.
    pub fn fault(&self, name: &str, longest: Duration) -> Option<String> {
        let since = self.since();
        (since > longest).then(|| format!("{name} has not turned for {} s", since.as_secs()))
    }
}
