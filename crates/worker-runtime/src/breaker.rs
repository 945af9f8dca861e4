//! Whether the upstream may be asked: what this process believes, and how it learns what the fleet believes.
//!
//! The state is shared through the ledger, so that one pod probes and the others wait. It stops *receiving*: a message
//! that stays in the queue spends nothing.

use std::collections::HashSet;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use crate::catch::guarded;
use crate::handler::{Failure, Handler};
use crate::ledger::{BreakerView, Ledger, LedgerDown};
use crate::metrics;
use crate::options::Options;

/// When so many different subjects have failed in a row, the upstream is to blame, even if it answers probes.
const SUBJECTS_FAILED_IN_A_ROW: usize = 3;

/// How long one pod keeps the right to probe: longer than a probe may take.
const PROBE_LEASE: Duration = Duration::from_secs(30);

/// What this process believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    /// A refetch failed, and a probe is under way to see who is to blame.
    Verifying,
    /// It answers again; so many refetches at once are tried.
    Recovering {
        limit: usize,
    },
    Open {
        probe_at: Instant,
    },
}

/// What a refetch that failed because of the upstream leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Suspicion {
    /// Ask the upstream, and hold the verdict until it has answered.
    Verify,
    /// The answer is on its way: hold the verdict.
    Wait,
    /// It is down: open for the fleet.
    Open { until_probe: Duration },
    /// It is known to be down.
    Known,
}

/// See the module's documentation.
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
            State::Verifying | State::Open { .. } => 0,
        }
    }

    /// How long to leave messages in the queue, when the breaker is open.
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

    pub(crate) fn limited(&mut self, retry_after: Duration) {
        self.open(retry_after);
    }

    pub(crate) fn failed(&mut self, subject: &S) -> Suspicion {
        match self.state {
            State::Open { .. } => Suspicion::Known,
            State::Verifying => Suspicion::Wait,
            State::Recovering { .. } => self.open(self.probe_interval),
            State::Closed => {
                self.failed_in_a_row.insert(subject.clone());
                if self.failed_in_a_row.len() >= SUBJECTS_FAILED_IN_A_ROW {
                    return self.open(self.probe_interval);
                }
                self.state = State::Verifying;
                Suspicion::Verify
            }
        }
    }

    /// The upstream answered the probe that was to tell who is to blame.
    pub(crate) fn cleared(&mut self) {
        if self.state == State::Verifying {
            self.state = State::Closed;
        }
    }

    /// Takes over what the fleet believes. Answers whether this process believed otherwise.
    pub(crate) fn learn(&mut self, view: BreakerView) -> bool {
        let was_open = matches!(self.state, State::Open { .. });
        match view {
            BreakerView::Open { until_probe } => {
                self.state = State::Open { probe_at: Instant::now() + until_probe };
                !was_open
            }
            BreakerView::Closed if was_open => {
                self.failed_in_a_row.clear();
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

/// Asks the upstream who is to blame for a failure. Opens the breaker for the fleet when it does not answer.
pub(crate) async fn verify<H: Handler, L: Ledger>(
    handler: &H,
    ledger: &L,
    options: &Options,
) -> Result<BreakerView, LedgerDown> {
    let upstream = handler.upstream();
    if let BreakerView::Open { until_probe } = ledger.breaker(upstream).await? {
        return Ok(BreakerView::Open { until_probe });
    }
    match probe(handler, options).await {
        Ok(()) => Ok(BreakerView::Closed),
        Err(failure) => {
            let until_probe = retry_hint(&failure).unwrap_or(options.probe_interval);
            ledger.open_breaker(upstream, failure.class(), until_probe).await?;
            metrics::breaker_opened(upstream, failure.class(), until_probe);
            Ok(BreakerView::Open { until_probe })
        }
    }
}

/// Learns what the fleet believes, and probes if a probe is due and no other pod does it.
pub(crate) async fn tend<H: Handler, L: Ledger>(
    handler: &H,
    ledger: &L,
    options: &Options,
) -> Result<BreakerView, LedgerDown> {
    let upstream = handler.upstream();
    let view = ledger.breaker(upstream).await?;
    let due = matches!(view, BreakerView::Open { until_probe } if until_probe.is_zero());
    if !due || !ledger.claim_probe(upstream, PROBE_LEASE).await? {
        return Ok(view);
    }
    match probe(handler, options).await {
        Ok(()) => ledger.close_breaker(upstream).await?,
        Err(failure) => {
            let first = retry_hint(&failure).unwrap_or(options.probe_interval);
            ledger.postpone_probe(upstream, first, options.longest_probe_interval.max(first)).await?;
        }
    }
    ledger.breaker(upstream).await
}

async fn probe<H: Handler>(handler: &H, options: &Options) -> Result<(), Failure> {
    let result = guarded("probe", options.step_limit.min(PROBE_LEASE / 2), handler.probe()).await;
    metrics::probed(handler.upstream(), result.is_ok());
    result
}

fn retry_hint(failure: &Failure) -> Option<Duration> {
    match failure {
        Failure::Limited { retry_after } => Some(*retry_after),
        Failure::Upstream { retry_after, .. } | Failure::Transient { retry_after, .. } => *retry_after,
        Failure::Permanent { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker<&'static str> {
        Breaker::new(&Options { max_refetches: 8, ..Options::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn one_failure_asks_and_the_upstream_s_answer_clears_it() {
        let mut breaker = breaker();
        assert_eq!(breaker.failed(&"ada"), Suspicion::Verify);
        assert_eq!(breaker.refetch_limit(), 0, "nothing starts until it has answered");
        assert_eq!(breaker.failed(&"bob"), Suspicion::Wait);
        breaker.cleared();
        assert_eq!(breaker.refetch_limit(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn three_subjects_in_a_row_open_it_even_if_probes_are_answered() {
        let mut breaker = breaker();
        for subject in ["ada", "ada", "ada", "bob"] {
            assert_eq!(breaker.failed(&subject), Suspicion::Verify, "{subject}");
            breaker.cleared();
        }
        assert!(matches!(breaker.failed(&"cyd"), Suspicion::Open { .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn it_resumes_gradually_and_opens_at_once_when_recovery_fails() {
        let mut breaker = breaker();
        breaker.limited(Duration::from_secs(5));
        assert_eq!(breaker.refetch_limit(), 0);
        assert!(breaker.learn(BreakerView::Closed));
        let mut limits = Vec::new();
        for _ in 0..4 {
            limits.push(breaker.refetch_limit());
            breaker.succeeded();
        }
        assert_eq!(limits, [1, 2, 4, 8]);
        breaker.limited(Duration::from_secs(5));
        breaker.learn(BreakerView::Closed);
        assert!(matches!(breaker.failed(&"ada"), Suspicion::Open { .. }));
    }
}
