//! The handler of every worker that keeps a source's records in step: `sso-sync`, `crm-sync`, `identity-verification`,
//! `registry-sync`. Its steps are the same for all: draw a ticket, refetch by ID, compare with the event's lower bound, write
//! behind the guard, announce what changed. So a stale replica, a record that is missing too early, a tombstone and an outage
//! mean the same whatever the source. The steps know no vendor, nor what a record's fields mean.

mod announce;
mod batches;
mod failure;
mod handler;
mod source;
mod unread;

pub use announce::announce;
pub use failure::{from_provider, from_store};
pub use handler::{RecordSync, RecordUnit, Reread};
pub use source::{EVERYTHING, SourceRecords, stored};
