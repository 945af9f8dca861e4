//! The consumer loop's ledger, in Postgres.

use std::time::Duration;

use postgres_store::{Store, StoreError};
use worker_runtime::{
    BreakerView, FailedAttempt, Ledger, LedgerDown, ProbeLease, RecordedFailure, RedriveEnd,
};

/// A ledger for the messages of one queue.
#[derive(Debug, Clone)]
pub struct PostgresLedger {
    store: Store,
    queue: String,
    worker_version: &'static str,
}

impl PostgresLedger {
    /// `queue` is the branch's name: redrives do not change it, as they may change an ARN.
    pub fn new(store: Store, queue: impl Into<String>, worker_version: &'static str) -> Self {
        Self { store, queue: queue.into(), worker_version }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn down(error: StoreError) -> LedgerDown {
    LedgerDown(error.to_string())
}

impl Ledger for PostgresLedger {
    async fn check(&self) -> Result<(), LedgerDown> {
        self.store.check_writable().await.map_err(down)
    }

    async fn record(&self, failures: &[FailedAttempt]) -> Result<Vec<RecordedFailure>, LedgerDown> {
        let rows: Vec<postgres_store::FailedAttempt> = failures
            .iter()
            .map(|failure| postgres_store::FailedAttempt {
                message_id: failure.message_id.clone(),
                class: failure.class.to_owned(),
                detail: failure.detail.clone(),
                witness_ago: failure.witness_ago,
            })
            .collect();
        let recorded =
            self.store.record_failures(&self.queue, self.worker_version, &rows).await.map_err(down)?;
        let convert = |row: postgres_store::RecordedFailure| RecordedFailure {
            attempts: row.attempts,
            of_class: row.of_class,
            witnessed: row.witnessed,
            witnessed_of_class: row.witnessed_of_class,
            first_failed_at: row.first_failed_at,
        };
        Ok(recorded.into_iter().map(convert).collect())
    }

    async fn forget(&self, message_ids: &[String]) -> Result<(), LedgerDown> {
        self.store.forget_failures(&self.queue, message_ids).await.map_err(down)
    }

    async fn note_redriven(&self, ends: &[(String, RedriveEnd)]) -> Result<(), LedgerDown> {
        // A mark that is no ID is not one of ours.
        let items =
            ends.iter().filter_map(|(mark, end)| Some((mark.parse().ok()?, *end == RedriveEnd::Dead)));
        self.store.end_redrive_items(&items.collect::<Vec<_>>()).await.map_err(down)
    }

    async fn breaker(&self, upstream: &str) -> Result<BreakerView, LedgerDown> {
        let row = self.store.read_breaker(upstream).await.map_err(down)?;
        Ok(match row {
            Some(row) if row.open => BreakerView::Open { until_probe: row.until_probe },
            _ => BreakerView::Closed,
        })
    }

    async fn open_breaker(
        &self,
        upstream: &str,
        reason: &str,
        until_probe: Duration,
        longest: Duration,
    ) -> Result<(), LedgerDown> {
        self.store.open_breaker(upstream, reason, until_probe, longest).await.map_err(down)
    }

    async fn lease_probe(
        &self,
        upstream: &str,
        duration: Duration,
    ) -> Result<Option<ProbeLease>, LedgerDown> {
        Ok(self.store.lease_probe(upstream, duration).await.map_err(down)?.map(ProbeLease))
    }

    async fn postpone_probe(
        &self,
        upstream: &str,
        lease: ProbeLease,
        first: Duration,
        longest: Duration,
    ) -> Result<(), LedgerDown> {
        self.store.postpone_probe(upstream, lease.0, first, longest).await.map_err(down)
    }

    async fn close_breaker(&self, upstream: &str, lease: ProbeLease) -> Result<(), LedgerDown> {
        self.store.close_breaker(upstream, lease.0).await.map_err(down)
    }
}
