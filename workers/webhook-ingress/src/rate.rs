//! How many requests of one provider are taken in a second.
//!
//! Not tower's limit: it makes callers wait, each with its request in memory.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A bucket that a second fills.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: f64,
    state: Mutex<(Instant, f64)>,
}

impl Rate {
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, state: Mutex::new((now, per_second)) }
    }

    /// Whether one more may come in.
    pub(crate) fn admits(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, left) = *state;
        let refilled = now.saturating_duration_since(since).as_secs_f64().mul_add(self.per_second, left);
        let left = refilled.min(self.per_second);
        let admitted = left >= 1.0;
        *state = (now, if admitted { left - 1.0 } else { left });
        admitted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_admits_so_many_and_no_more() {
        let start = Instant::now();
        let rate = Rate::new(10, start);
        let admitted = |at: Instant| (0..100).filter(|_| rate.admits(at)).count();
        assert_eq!(admitted(start), 10);
        assert_eq!(admitted(start + Duration::from_millis(500)), 5);
        assert_eq!(admitted(start + Duration::from_secs(60)), 10, "a pause saves nothing up");
    }
}
