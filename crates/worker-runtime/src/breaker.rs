//! The circuit breaker: whether the upstream may be called, as this process believes, and how it learns the fleet's view.
//!
//! ```text
//!            a failure                 probe succeeds
//!   Closed ────────────▶ Verifying ────────────────────▶ Closed (or Recovering, where it came from)
//!     │ 3 subjects failed in a row,    │ probe fails, or the ledger says open
//!     │ or the upstream asks for a     ▼
//!     └─pause───────────────────────▶ Open ──a probe succeeds──▶ Recovering ──limit 1, 2, 4, …──▶ Closed
//! ```
//!
//! The state is shared through the ledger, so that one pod probes and the others wait. An open breaker stops *receiving*:
//! a message that stays in the queue spends no receive.

mod probing;

use std::collections::HashSet;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use crate::ledger::BreakerView;
use crate::options::Options;
pub(crate) use probing::{refresh, verify};

/// If this number of different subjects has failed in a row, the upstream is the cause, even if it answers probes.
const SUBJECTS_FAILED_IN_A_ROW: usize = 3;

const SAME_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    /// A probe is under way to find the cause of a failure. This number of refetches at once was allowed before.
    Verifying {
        limit: usize,
    },
    Recovering {
        limit: usize,
    },
    Open {
        probe_at: Instant,
    },
}

/// `Verify`: probe the upstream, and keep the verdict until it has answered. `Wait`: a probe is under way. `Known`: it is down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Suspicion {
    Verify,
    Wait,
    Open { until_probe: Duration },
    Known,
}

pub(crate) struct Breaker<S> {
    state: State,
    failed_in_a_row: HashSet<S>,
    max_refetches: usize,
    probe_interval: Duration,
}

impl<S: Eq + Hash + Clone> Breaker<S> {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            state: State::Closed,
            failed_in_a_row: HashSet::new(),
            max_refetches: options.max_refetches,
            probe_interval: options.probe_interval,
        }
    }

    /// Refetches that may run at once; also the most messages to ask the queue for. Zero: stop receiving.
    pub(crate) fn refetch_limit(&self) -> usize {
        match self.state {
            State::Closed => self.max_refetches,
            State::Recovering { limit } => limit,
            State::Verifying { .. } | State::Open { .. } => 0,
        }
    }

    pub(crate) const fn is_recovering(&self) -> bool {
        matches!(self.state, State::Recovering { .. })
    }

    pub(crate) fn open_for(&self) -> Option<Duration> {
        match self.state {
            State::Open { probe_at } => {
                Some(probe_at.saturating_duration_since(Instant::now()).max(Duration::from_secs(1)))
            }
            _ => None,
        }
    }

    pub(crate) fn succeeded(&mut self) {
        self.failed_in_a_row.clear();
        if let State::Recovering { limit } = self.state {
            self.state = self.allowing(limit * 2);
        }
    }

    /// The upstream asks for a pause. Returns whether that is news.
    pub(crate) fn limited(&mut self, retry_after: Duration) -> bool {
        let until = Instant::now() + retry_after;
        // Refetches that ran together all get the same answer, and their pauses end at nearly the same time.
        let known = matches!(self.state, State::Open { probe_at } if until < probe_at + SAME_PAUSE);
        if !known {
            self.failed_in_a_row.clear();
            self.open(retry_after);
        }
        !known
    }

    pub(crate) fn failed(&mut self, subject: &S) -> Suspicion {
        match self.state {
            State::Open { .. } => Suspicion::Known,
            State::Verifying { .. } => Suspicion::Wait,
            State::Recovering { limit } => {
                // The only one that failed since the outage, and not for the first time: it may be this record alone, which
                // would keep the breaker from ever closing.
                let alone = self.failed_in_a_row.len() == 1 && self.failed_in_a_row.contains(subject);
                if self.failed_in_a_row.len() < SUBJECTS_FAILED_IN_A_ROW {
                    self.failed_in_a_row.insert(subject.clone());
                }
                if alone { self.verify(limit) } else { self.open(self.probe_interval) }
            }
            State::Closed => {
                self.failed_in_a_row.insert(subject.clone());
                if self.failed_in_a_row.len() >= SUBJECTS_FAILED_IN_A_ROW {
                    self.failed_in_a_row.clear();
                    return self.open(self.probe_interval);
                }
                self.verify(self.max_refetches)
            }
        }
    }

    const fn verify(&mut self, limit: usize) -> Suspicion {
        self.state = State::Verifying { limit };
        Suspicion::Verify
    }

    const fn allowing(&self, limit: usize) -> State {
        if limit >= self.max_refetches { State::Closed } else { State::Recovering { limit } }
    }

    pub(crate) fn cleared(&mut self) {
        if let State::Verifying { limit } = self.state {
            self.state = self.allowing(limit);
        }
    }

    /// Takes over what the fleet believes. Returns whether this process believed otherwise.
    pub(crate) fn learn(&mut self, view: BreakerView) -> bool {
        let was_open = matches!(self.state, State::Open { .. });
        match view {
            BreakerView::Open { until_probe } => {
                // A refresh of an open breaker keeps the set: it remembers which subject failed in the last recovery.
                if !was_open {
                    self.failed_in_a_row.clear();
                }
                self.state = State::Open { probe_at: Instant::now() + until_probe };
                !was_open
            }
            BreakerView::Closed if was_open => {
                self.state = State::Recovering { limit: 1 };
                true
            }
            BreakerView::Closed => false,
        }
    }

    fn open(&mut self, until_probe: Duration) -> Suspicion {
        self.state = State::Open { probe_at: Instant::now() + until_probe };
        Suspicion::Open { until_probe }
    }
}

#[cfg(test)]
mod tests;
