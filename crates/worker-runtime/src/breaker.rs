//! The circuit breaker: whether the upstream may be called, as this process believes, and how it learns the fleet's view.
//!
//! ```text
//!          the upstream asks for a pause, a probe fails,
//!          or five subjects failed with no success between
//!   Closed ─────────────────────────────────────────────▶ Open ──a probe succeeds──▶ Recovering ──limit 1, 2, 4, …──▶ Closed
//! ```
//!
//! A failure starts a probe, and its verdict waits for the answer. A record that fails alone opens nothing: one success, of
//! another record or of a probe that goes the same way, ends the row of failures. After three in a row only one refetch runs at
//! a time, of a record that has not failed before.
//!
//! The state is shared through the ledger, so that one pod probes and the others wait. An open breaker stops *receiving*:
//! a message that stays in the queue spends no receive.

mod probing;

use std::collections::HashSet;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use crate::handler::Probed;
use crate::ledger::BreakerView;
use crate::options::Options;
pub(crate) use probing::{LIMITED, REFUSED, Verified, reason, refresh, row, verify};

/// Different subjects that failed with no success between, after which others are tried one at a time.
const NARROWS_AFTER: usize = 3;

/// Different subjects that failed with no success between, after which the upstream is the cause, even if it answers probes.
const OPENS_AFTER: usize = 5;

const SAME_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Recovering { limit: usize },
    Open { probe_at: Instant },
}

/// `Verify`: probe the upstream, and keep the verdict until it has answered. `Wait`: a probe is under way. `Known`: it is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suspicion {
    Verify,
    Wait,
    Known,
}

pub(crate) struct Breaker<S> {
    state: State,
    /// A probe is under way to find the cause of a failure. `true`: nothing starts until it is answered.
    verifying: Option<bool>,
    failed_in_a_row: HashSet<S>,
    max_refetches: usize,
    probe_interval: Duration,
}

impl<S: Eq + Hash + Clone> Breaker<S> {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            state: State::Closed,
            verifying: None,
            failed_in_a_row: HashSet::new(),
            max_refetches: options.max_refetches,
            probe_interval: options.probe_interval,
        }
    }

    /// Refetches that may run at once; also the most messages to ask the queue for. Zero: stop receiving.
    pub(crate) fn refetch_limit(&self) -> usize {
        match self.state {
            State::Open { .. } => 0,
            State::Closed | State::Recovering { .. } if self.verifying == Some(true) => 0,
            State::Closed | State::Recovering { .. } if self.others_fail() => 1,
            State::Closed => self.max_refetches,
            State::Recovering { limit } => limit,
        }
    }

    /// The upstream is tried, with records that have not failed before.
    pub(crate) fn is_trying(&self) -> bool {
        matches!(self.state, State::Recovering { .. }) || self.others_fail()
    }

    pub(crate) fn others_fail(&self) -> bool {
        self.failed_in_a_row.len() >= NARROWS_AFTER
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
            let limit = limit * 2;
            self.state =
                if limit >= self.max_refetches { State::Closed } else { State::Recovering { limit } };
        }
    }

    /// The upstream asks for a pause. Returns whether that is news.
    pub(crate) fn limited(&mut self, retry_after: Duration) -> bool {
        let until = Instant::now() + retry_after;
        // Refetches that ran together all get the same answer, and their pauses end at nearly the same time.
        let known = matches!(self.state, State::Open { probe_at } if until < probe_at + SAME_PAUSE);
        if !known {
            self.failed_in_a_row.clear();
            self.state = State::Open { probe_at: until };
        }
        !known
    }

    /// `in_row`: the failure may be the upstream's. `hold`: no other record has gone the same way since the run began.
    pub(crate) fn failed(&mut self, subject: &S, in_row: bool, hold: bool) -> Suspicion {
        if matches!(self.state, State::Open { .. }) {
            return Suspicion::Known;
        }
        if in_row && self.failed_in_a_row.len() < OPENS_AFTER {
            self.failed_in_a_row.insert(subject.clone());
        }
        let verifying = self.verifying;
        self.verifying = Some(hold || verifying == Some(true));
        if verifying.is_some() { Suspicion::Wait } else { Suspicion::Verify }
    }

    /// The probe of a failure succeeded. Returns the time until the next probe if the breaker opens nevertheless.
    pub(crate) fn verified(&mut self, probed: Probed) -> Option<Duration> {
        self.verifying = None;
        match probed {
            Probed::SameWay => self.failed_in_a_row.clear(),
            Probed::Answers if self.failed_in_a_row.len() >= OPENS_AFTER && self.open_for().is_none() => {
                self.state = State::Open { probe_at: Instant::now() + self.probe_interval };
                return Some(self.probe_interval);
            }
            Probed::Answers => {}
        }
        None
    }

    /// The probe of a failure had no answer of its own.
    pub(crate) const fn cleared(&mut self) {
        self.verifying = None;
    }

    /// Takes over what the fleet believes. Returns whether this process believed otherwise.
    pub(crate) fn learn(&mut self, view: BreakerView) -> bool {
        let was_open = matches!(self.state, State::Open { .. });
        match view {
            BreakerView::Open { until_probe } => {
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
}

#[cfg(test)]
mod tests;
