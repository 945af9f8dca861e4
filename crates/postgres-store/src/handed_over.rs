//! Table `handed_over_record`: records of systems that cannot be asked for one. A statement handles a whole batch. The sender's
//! version orders what it hands over: a lower version never replaces a higher one, and one version has one content.

mod import;
mod read;
mod take;

pub use import::{Difference, ImportRun};
pub use read::{HandedOverPlace, HandedOverRecord, HandedOverVersion};
pub use take::{HandOver, RecordVersion, Taken};
