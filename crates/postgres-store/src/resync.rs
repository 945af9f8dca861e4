//! Runs of resync-enqueuer: what they gathered, how far they came, and how much of a source's budget is used.

mod budget;
mod item;
mod request;
mod run;

pub use budget::{RequestLease, RequestLimits};
pub use item::{GatheredPage, ListingPlan, ResyncItem, StaleCondition};
pub use run::{ResyncRun, RunEnd};
