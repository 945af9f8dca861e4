//! The transaction that writes what refetches found.

mod apply;
mod consequences;
mod preview;
mod reading;

pub use preview::ReadingPreview;
pub use reading::{PersonReading, RecordState};
