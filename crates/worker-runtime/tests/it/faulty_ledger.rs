//! A ledger in memory, with one fault.

use std::future::pending;
use std::time::Duration;

use worker_runtime::{
    BreakerView, FailedAttempt, Ledger, LedgerDown, MemoryLedger, ProbeLease, RecordedFailure, RedriveEnd,
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    RecordPanics,
    RecordHangs,
    RecordFails,
    /// A read of the breaker is answered so much later, with its state at the time of the read.
    BreakerIsToldLate(Duration),
}

pub(crate) struct FaultyLedger {
    pub(crate) ledger: MemoryLedger,
    pub(crate) fault: Fault,
}

impl Ledger for FaultyLedger {
    async fn check(&self) -> Result<(), LedgerDown> {
        self.ledger.check().await
    }

    async fn record(&self, failures: &[FailedAttempt]) -> Result<Vec<RecordedFailure>, LedgerDown> {
        match self.fault {
            Fault::RecordPanics => panic!("as scripted"),
            Fault::RecordHangs => pending().await,
            Fault::RecordFails => Err(LedgerDown(String::from("as scripted"))),
            Fault::BreakerIsToldLate(_) => self.ledger.record(failures).await,
        }
    }

    async fn forget(&self, message_ids: &[String]) -> Result<(), LedgerDown> {
        self.ledger.forget(message_ids).await
    }

    async fn note_redriven(&self, ends: &[(String, RedriveEnd)]) -> Result<(), LedgerDown> {
        self.ledger.note_redriven(ends).await
    }

    async fn breaker(&self, upstream: &str) -> Result<BreakerView, LedgerDown> {
        let view = self.ledger.breaker(upstream).await;
        if let Fault::BreakerIsToldLate(late) = self.fault {
            tokio::time::sleep(late).await;
        }
        view
    }

    async fn open_breaker(
        &self,
        upstream: &str,
        reason: &str,
        wait: Duration,
        longest: Duration,
    ) -> Result<(), LedgerDown> {
        self.ledger.open_breaker(upstream, reason, wait, longest).await
    }

    async fn lease_probe(
        &self,
        upstream: &str,
        duration: Duration,
    ) -> Result<Option<ProbeLease>, LedgerDown> {
        self.ledger.lease_probe(upstream, duration).await
    }

    async fn postpone_probe(
        &self,
        upstream: &str,
        lease: ProbeLease,
        first: Duration,
        longest: Duration,
    ) -> Result<(), LedgerDown> {
        self.ledger.postpone_probe(upstream, lease, first, longest).await
    }

    async fn close_breaker(&self, upstream: &str, lease: ProbeLease) -> Result<(), LedgerDown> {
        self.ledger.close_breaker(upstream, lease).await
    }
}
