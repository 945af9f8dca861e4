//! Putting events on the bus. A successful call says nothing about its entries, nor whether the bus exists:
//! [`EventBus::verify`] asks that. [`EventBridgeBus`] is the client of the real service; `RecordingBus` (feature
//! `test-support`) keeps every entry, and both pass one conformance suite. This crate must not decide when an event is
//! announced, nor retry: that is the outbox's relay.

mod bus;
#[cfg(feature = "test-support")]
pub mod conformance;
mod entry;
mod event_bridge;
#[cfg(feature = "test-support")]
mod recording;

pub use bus::{BusError, EntryError, EventBus};
pub use entry::{BusEntry, BusEntryError, MAX_ENTRY_BYTES};
pub use event_bridge::EventBridgeBus;
#[cfg(feature = "test-support")]
pub use recording::{CallFailure, RecordingBus};
