//! A ledger that answers in time, or is down.

use std::future::Future;
use std::time::Duration;

use crate::ledger::{
    BreakerView, FailedAttempt, Ledger, LedgerDown, ProbeLease, RecordedFailure, RedriveEnd,
};

/// Longer than the wait for a free connection, much shorter than a visibility timeout.
const LIMIT: Duration = Duration::from_secs(10);

pub(crate) struct PatientLedger<L>(pub L);

async fn in_time<T>(asked: impl Future<Output = Result<T, LedgerDown>>) -> Result<T, LedgerDown> {
    // A connection whose other end is gone can stay silent for a quarter of an hour. A lane of settling would wait as long, and
    // its messages would be neither settled nor extended.
    tokio::time::timeout(LIMIT, asked).await.unwrap_or_else(|_| Err(LedgerDown(String::from("no answer"))))
}

impl<L: Ledger> Ledger for PatientLedger<L> {
    async fn check(&self) -> Result<(), LedgerDown> {
        in_time(self.0.check()).await
    }

    async fn record(&self, failures: &[FailedAttempt]) -> Result<Vec<RecordedFailure>, LedgerDown> {
        in_time(self.0.record(failures)).await
    }

    async fn forget(&self, message_ids: &[String]) -> Result<(), LedgerDown> {
        in_time(self.0.forget(message_ids)).await
    }

    async fn note_redriven(&self, ends: &[(String, RedriveEnd)]) -> Result<(), LedgerDown> {
        in_time(self.0.note_redriven(ends)).await
    }

    async fn breaker(&self, upstream: &str) -> Result<BreakerView, LedgerDown> {
        in_time(self.0.breaker(upstream)).await
    }

    async fn open_breaker(
        &self,
        upstream: &str,
        reason: &str,
        until_probe: Duration,
        longest: Duration,
    ) -> Result<(), LedgerDown> {
        in_time(self.0.open_breaker(upstream, reason, until_probe, longest)).await
    }

    async fn lease_probe(
        &self,
        upstream: &str,
        duration: Duration,
    ) -> Result<Option<ProbeLease>, LedgerDown> {
        in_time(self.0.lease_probe(upstream, duration)).await
    }

    async fn postpone_probe(
        &self,
        upstream: &str,
        lease: ProbeLease,
        first: Duration,
        longest: Duration,
    ) -> Result<(), LedgerDown> {
        in_time(self.0.postpone_probe(upstream, lease, first, longest)).await
    }

    async fn close_breaker(&self, upstream: &str, lease: ProbeLease) -> Result<(), LedgerDown> {
        in_time(self.0.close_breaker(upstream, lease)).await
    }
}
