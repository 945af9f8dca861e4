//! What may cross the bus and a queue.
//!
//! In: the JSON text of an EventBridge event. Out: an [`Envelope`] for events that providers send, and an
//! [`Announcement`] for the events that Coppice emits itself.
//!
//! An announcement is the product's promise that *internal events carry IDs, not data*, kept by its type: every
//! field is an ID, a number or a fixed-form trace context, so there is no place where a name or an address could
//! stand. Consumers read the row, or the provider's record, by that ID.
//!
//! This crate does no I/O and must not know queues, tables or providers' record shapes.

mod announcement;
mod drill;
mod envelope;
mod hint;
mod ingress;
mod resync;
mod trace_context;

pub use announcement::{
    Announcement, ContractError, EventKind, Hop, INTERNAL_SOURCE, MAX_DETAIL_BYTES, SCHEMA_VERSION,
};
pub use drill::{DRILL_SOURCE, HEARTBEAT, Heartbeat, POISON, Poison};
pub use envelope::{Envelope, EnvelopeError};
pub use hint::{EventReader, Origin, RecordHint, UnreadableEvent, read_by_any};
pub use ingress::{INGRESS_SOURCE_PREFIX, IngressChange, IngressEvent};
pub use resync::{RESYNC_DETAIL_TYPE, resync_message};
pub use trace_context::{TraceContext, TraceContextError};
