//! The consumer loop that every worker runs in.
//!
//! In: a [`Handler`], the queue it works on, the queue for its dead letters, and a [`Ledger`] that the fleet shares.
//! Out: handled messages, each with one [`Disposition`]. The handler never sees a queue; this crate never sees a
//! provider, a table or the name of an event, and `tests/fleet-consistency` holds it to that.
//!
//! The way of a message:
//!
//! ```text
//! receive (only while there is room) → read: which subjects does it name? → fold into what already waits
//!   → prepare (one call for all) → refetch (concurrently) → apply (one transaction for all that is there)
//!   → disposition: delete, visible again later, or dead letter (each in batches, each entry's result read)
//! ```
//!
//! * Messages about one subject are folded into one refetch, which starts after the last of them was received. One that
//!   comes while the refetch runs leads to another refetch afterwards.
//! * A failure that the upstream may be to blame for asks the upstream first (a probe). Is it down, the breaker opens
//!   for the whole fleet: nothing is received, what waits goes back to the queue, and no attempt is counted.
//! * How often a message failed is counted in the ledger, not by SQS's receive count.

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

pub use disposition::{DeadLetterReason, Disposition, RetryPolicy, Verdict, dispose};
pub use handler::{Cause, Demand, Failure, Handler, Outcome, Reading, Refetch, Refusal};
pub use ledger::{BreakerView, FailedAttempt, Ledger, LedgerDown, RecordedFailure, RedriveEnd};
pub use liveness::Liveness;
#[cfg(feature = "test-support")]
pub use memory_ledger::MemoryLedger;
pub use options::{Mode, Options};
pub use runtime::{Report, Runtime, RuntimeError};
pub use settle::REDRIVE_MARK;
