//! What all pods share: failed attempts, and whether an upstream may be called.

use std::future::Future;
use std::time::Duration;

use time::OffsetDateTime;

/// One failed attempt at a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// The queue's ID of the message.
    pub message_id: String,
    /// A short fixed word for the kind of failure.
    pub class: &'static str,
    /// What failed, without personal data.
    pub detail: String,
    /// How long ago another record last went the same way, as this process has seen.
    pub witness_ago: Option<Duration>,
}

/// The failed attempts of a message, after one was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedFailure {
    /// Failed attempts, this one included.
    pub attempts: u32,
    /// Those of them with the class of this one.
    pub of_class: u32,
    /// Those of them that have a witness: another record went the same way after the last failure of the same class.
    pub witnessed: u32,
    /// Those with a witness and the class of this one.
    pub witnessed_of_class: u32,
    /// When the first of them failed.
    pub first_failed_at: OffsetDateTime,
}

/// How a message that was redriven ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedriveEnd {
    /// Its work is done.
    Handled,
    /// It was dead-lettered again.
    Dead,
}

/// Whether an upstream may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerView {
    /// It may.
    Closed,
    /// It may not. A probe is due after this time.
    Open {
        /// Zero: now.
        until_probe: Duration,
    },
}

/// The right to probe an upstream. A probe's result counts only while no newer right exists, so that a late result changes
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeLease(
    /// Its number, which only grows.
    pub i64,
);

/// The ledger did not answer. Nothing was counted, so no message is dead-lettered because of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ledger unavailable: {0}")]
pub struct LedgerDown(
    /// Why, in a word.
    pub String,
);

/// The state that all pods of a worker share.
pub trait Ledger: Send + Sync + 'static {
    /// Checks that work can be written, on every connection that the worker uses.
    ///
    /// # Errors
    /// [`LedgerDown`]: the loop receives nothing until it can.
    fn check(&self) -> impl Future<Output = Result<(), LedgerDown>> + Send;

    /// Adds failed attempts. Returns the attempts of each one's message after all of them, in order.
    fn record(
        &self,
        failures: &[FailedAttempt],
    ) -> impl Future<Output = Result<Vec<RecordedFailure>, LedgerDown>> + Send;

    /// Forgets the failures of messages that succeeded.
    fn forget(&self, message_ids: &[String]) -> impl Future<Output = Result<(), LedgerDown>> + Send;

    /// Notes how redriven messages ended, each by the mark that it was sent with. A mark of unknown origin is ignored.
    ///
    /// # Errors
    /// [`LedgerDown`]: the plan that redrove them does not learn their end. Nothing else is lost.
    fn note_redriven(
        &self,
        ends: &[(String, RedriveEnd)],
    ) -> impl Future<Output = Result<(), LedgerDown>> + Send;

    /// Reads an upstream's breaker.
    fn breaker(&self, upstream: &str) -> impl Future<Output = Result<BreakerView, LedgerDown>> + Send;

    /// Opens an upstream's breaker for all pods, with the next probe due after `until_probe`. If it closed shortly before, the
    /// wait is doubled for each failed probe and each such opening, up to `longest`. A lease that
    /// is out ends: its probe may have been answered before this failure.
    fn open_breaker(
        &self,
        upstream: &str,
        reason: &str,
        until_probe: Duration,
        longest: Duration,
    ) -> impl Future<Output = Result<(), LedgerDown>> + Send;

    /// Takes the right to probe for `duration`: one pod at a time, and only when a probe is due.
    fn lease_probe(
        &self,
        upstream: &str,
        duration: Duration,
    ) -> impl Future<Output = Result<Option<ProbeLease>, LedgerDown>> + Send;

    /// Records a failed probe; the next is due after `first`, doubled with each failure up to `longest`. Changes nothing if
    /// `lease` ended.
    fn postpone_probe(
        &self,
        upstream: &str,
        lease: ProbeLease,
        first: Duration,
        longest: Duration,
    ) -> impl Future<Output = Result<(), LedgerDown>> + Send;

    /// Closes an upstream's breaker for all pods. Changes nothing if `lease` ended.
    fn close_breaker(
        &self,
        upstream: &str,
        lease: ProbeLease,
    ) -> impl Future<Output = Result<(), LedgerDown>> + Send;
}
