//! What may cross the bus and a queue: an [`Envelope`] for events that providers send, and an [`Announcement`] for the events
//! that Coppice emits itself.
//!
//! Writers are strict and readers are lenient. An event is written from one of the types here only ([`Detail`]), so it has no
//! field that this crate does not list. A reader ignores fields that it does not know: those of the next version.
//!
//! An announcement keeps the promise that *internal events carry IDs, not data* by its type: every field is an ID, a number or
//! a fixed-form trace context, so a name or an address has no place in it. Consumers read the row, or the provider's record.
//!
//! This crate does no I/O and must not know queues, tables or providers' record shapes.

mod announcement;
mod detail;
mod drill;
mod envelope;
mod hint;
mod ingress;
mod resync;
mod trace_context;

pub use announcement::{
    Announcement, ContractError, EventKind, Hop, INTERNAL_SOURCE, MAX_DETAIL_BYTES, SCHEMA_VERSION,
};
pub use detail::Detail;
pub use drill::{DRILL_SOURCE, HEARTBEAT, Heartbeat, POISON, Poison};
pub use envelope::{Envelope, EnvelopeError, queued_event};
pub use hint::{EVERYTHING, Origin, RecordHint, UnreadableEvent};
pub use ingress::{INGRESS_SOURCE_PREFIX, IngressChange, IngressEvent};
pub use resync::{RESYNC_DETAIL_TYPE, resync_message};
pub use trace_context::{TraceContext, TraceContextError};
