//! A ledger in memory, for tests of the loop. It passes the same suite as the one in Postgres.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use crate::ledger::{
    BreakerView, FailedAttempt, Ledger, LedgerDown, ProbeLease, RecordedFailure, RedriveEnd,
};

#[derive(Default)]
struct State {
    failures: HashMap<String, Failures>,
    redriven: HashMap<String, RedriveEnd>,
    breakers: HashMap<String, Row>,
    down: bool,
}

struct Failures {
    first_failed_at: OffsetDateTime,
    attempts: Vec<Noted>,
}

struct Noted {
    at: Instant,
    attempt: FailedAttempt,
    witnessed: bool,
}

impl Failures {
    fn add(&mut self, attempt: FailedAttempt) {
        let at = Instant::now();
        let last = self.attempts.iter().rev().find(|noted| noted.attempt.class == attempt.class);
        let witnessed =
            last.is_some_and(|last| attempt.witness_ago.is_some_and(|ago| ago < last.at.elapsed()));
        self.attempts.push(Noted { at, attempt, witnessed });
    }

    fn recorded(&self, class: &str) -> RecordedFailure {
        let count = |counts: &dyn Fn(&Noted) -> bool| {
            u32::try_from(self.attempts.iter().filter(|noted| counts(noted)).count()).unwrap_or(u32::MAX)
        };
        RecordedFailure {
            attempts: count(&|_| true),
            of_class: count(&|noted| noted.attempt.class == class),
            witnessed: count(&|noted| noted.witnessed),
            witnessed_of_class: count(&|noted| noted.witnessed && noted.attempt.class == class),
            first_failed_at: self.first_failed_at,
        }
    }
}

struct Row {
    open: bool,
    closed_at: Option<Instant>,
    next_probe_at: Instant,
    failed_probes: u32,
    lease: ProbeLease,
    lease_until: Instant,
}

fn doubled(interval: Duration, times: u32, longest: Duration) -> Duration {
    interval.saturating_mul(1 << times.min(20)).min(longest)
}

/// A breaker that opens again so soon after it closed had closed too early.
const SHORTLY: Duration = Duration::from_secs(300);

/// See the module's documentation. Clones share their memory, as pods share a database.
#[derive(Clone, Default)]
pub struct MemoryLedger {
    state: Arc<Mutex<State>>,
}

impl MemoryLedger {
    /// Makes every call fail, or no call any more.
    pub fn set_down(&self, down: bool) {
        self.lock().down = down;
    }

    /// The failed attempts of a message.
    pub fn failures(&self, message_id: &str) -> Vec<FailedAttempt> {
        let state = self.lock();
        let known = state.failures.get(message_id).into_iter().flat_map(|known| &known.attempts);
        known.map(|noted| noted.attempt.clone()).collect()
    }

    /// How the message with a mark ended.
    pub fn redriven(&self, mark: &str) -> Option<RedriveEnd> {
        self.lock().redriven.get(mark).copied()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn up(&self) -> Result<MutexGuard<'_, State>, LedgerDown> {
        let state = self.lock();
        if state.down { Err(LedgerDown(String::from("injected"))) } else { Ok(state) }
    }
}

impl Ledger for MemoryLedger {
    async fn check(&self) -> Result<(), LedgerDown> {
        self.up().map(drop)
    }

    async fn record(&self, failures: &[FailedAttempt]) -> Result<Vec<RecordedFailure>, LedgerDown> {
        let mut state = self.up()?;
        for failure in failures {
            let fresh = || Failures { first_failed_at: OffsetDateTime::now_utc(), attempts: Vec::new() };
            let known = state.failures.entry(failure.message_id.clone()).or_insert_with(fresh);
            known.add(failure.clone());
        }
        let recorded = failures.iter().filter_map(|failure| {
            state.failures.get(&failure.message_id).map(|known| known.recorded(failure.class))
        });
        Ok(recorded.collect())
    }

    async fn forget(&self, message_ids: &[String]) -> Result<(), LedgerDown> {
        let mut state = self.up()?;
        for message_id in message_ids {
            state.failures.remove(message_id);
        }
        Ok(())
    }

    async fn note_redriven(&self, ends: &[(String, RedriveEnd)]) -> Result<(), LedgerDown> {
        self.up()?.redriven.extend(ends.iter().cloned());
        Ok(())
    }

    async fn breaker(&self, upstream: &str) -> Result<BreakerView, LedgerDown> {
        let state = self.up()?;
        let open = state.breakers.get(upstream).filter(|row| row.open);
        Ok(open.map_or(BreakerView::Closed, |row| BreakerView::Open {
            until_probe: row.next_probe_at.saturating_duration_since(Instant::now()),
        }))
    }

    async fn open_breaker(
        &self,
        upstream: &str,
        _reason: &str,
        until_probe: Duration,
        longest: Duration,
    ) -> Result<(), LedgerDown> {
        let now = Instant::now();
        let mut state = self.up()?;
        let fresh = Row {
            open: false,
            closed_at: None,
            next_probe_at: now,
            failed_probes: 0,
            lease: ProbeLease(0),
            lease_until: now,
        };
        let row = state.breakers.entry(upstream.to_owned()).or_insert(fresh);
        if row.open {
            row.next_probe_at = row.next_probe_at.max(now + until_probe);
        } else if row.closed_at.is_some_and(|closed_at| now < closed_at + SHORTLY) {
            let wait = doubled(until_probe, row.failed_probes + 1, longest).max(until_probe);
            row.next_probe_at = now + wait;
            row.failed_probes += u32::from(longest > until_probe);
        } else {
            row.next_probe_at = now + until_probe;
            row.failed_probes = 0;
        }
        row.open = true;
        row.lease.0 += 1;
        row.lease_until = now;
        Ok(())
    }

    async fn lease_probe(
        &self,
        upstream: &str,
        duration: Duration,
    ) -> Result<Option<ProbeLease>, LedgerDown> {
        let now = Instant::now();
        let mut state = self.up()?;
        let due = |row: &&mut Row| row.open && row.next_probe_at <= now && row.lease_until <= now;
        Ok(state.breakers.get_mut(upstream).filter(due).map(|row| {
            row.lease.0 += 1;
            row.lease_until = now + duration;
            row.lease
        }))
    }

    async fn postpone_probe(
        &self,
        upstream: &str,
        lease: ProbeLease,
        first: Duration,
        longest: Duration,
    ) -> Result<(), LedgerDown> {
        let now = Instant::now();
        let mut state = self.up()?;
        if let Some(row) = state.breakers.get_mut(upstream).filter(|row| row.open && row.lease == lease) {
            row.next_probe_at = now + doubled(first, row.failed_probes, longest);
            row.failed_probes += 1;
            row.lease_until = now;
        }
        Ok(())
    }

    async fn close_breaker(&self, upstream: &str, lease: ProbeLease) -> Result<(), LedgerDown> {
        let now = Instant::now();
        let mut state = self.up()?;
        if let Some(row) = state.breakers.get_mut(upstream).filter(|row| row.open && row.lease == lease) {
            row.open = false;
            row.closed_at = Some(now);
            row.lease_until = now;
        }
        Ok(())
    }
}
