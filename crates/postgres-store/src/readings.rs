//! The transaction that writes what refetches found.

mod apply;
mod consequences;
mod reading;

pub use reading::{PersonReading, RecordState};
