//! The consumer loop that every worker runs in.
//!
//! In: a [`Handler`], its queue, its dead-letter queue, and a [`Ledger`] that the fleet shares. Out: handled messages, each
//! with one [`Disposition`]. The handler never sees a queue. This crate never sees a provider, a table or an event's name.
//!
//! ```text
//! receive (only while there is room) → parse → read: which subjects does it name? → coalesce
//!   → prepare (one call for all) → refetch (concurrently) → apply (one transaction for all that is there)
//!   → disposition: delete, visible again later, or dead-letter (each in batches, each entry's result read)
//! ```
//!
//! * Messages about one subject coalesce into one refetch, which starts after the last of them was received.
//! * A failure has a cause only on evidence: see [`attribute`]. If the upstream may be the cause, the runtime probes it. If the
//!   probe fails, or records fail one after the other, the circuit breaker opens for every pod: they receive nothing, they
//!   release waiting messages, and no attempt is counted. If our own side is the cause, this process does the same alone.
//! * The ledger counts failed attempts, not SQS's receive count, which crashes, rollouts and lost replies raise too.

mod attribution;
mod breaker;
mod catch;
#[cfg(feature = "test-support")]
pub mod conformance;
mod disposition;
mod handler;
mod intake;
mod ledger;
mod liveness;
#[cfg(feature = "test-support")]
mod memory_ledger;
mod metrics;
mod options;
mod patient_ledger;
mod runtime;
mod settle;
mod visibility;

pub use attribution::{Evidence, Proof, attribute};
pub use disposition::{DeadLetterReason, Disposition, RetryPolicy, Verdict, dispose};
pub use handler::{Cause, Demand, Failure, Handler, Outcome, Probed, Reading, Refetch, Refusal, Removed};
pub use ledger::{BreakerView, FailedAttempt, Ledger, LedgerDown, ProbeLease, RecordedFailure, RedriveEnd};
pub use liveness::Liveness;
#[cfg(feature = "test-support")]
pub use memory_ledger::MemoryLedger;
pub use options::{Mode, Options};
pub use runtime::{Report, Runtime, RuntimeError};
pub use settle::REDRIVE_MARK;
