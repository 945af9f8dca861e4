//! Dead-lettered messages: why they are there, what the record is now, and how they are redriven or dropped.
//!
//! What keeps a redrive from doing harm:
//!
//! * A plan fixes its set of messages when it is made, and a copy of each is in Postgres before anything is done with it.
//! * All messages about one record are sent as one, since a message is only a reason to read the record again.
//! * An item is sent, then noted as sent, and only then may its messages be deleted: a plan that was killed can be run again. A
//!   lock keeps a second process from running beside it.
//! * The first few are sent alone (the canary). If one of them is dead-lettered again, nothing more is sent.
//!
//! Bodies of `undelivered` may be partners' whole events, so no report contains them.

mod at_provider;
mod delete;
mod list;
mod message;
mod move_all;
mod plan;
mod queues;
mod record_key;
mod routing;
mod run;
mod scan;
mod selection;
mod send;
mod show;

pub use at_provider::{AtProvider, Sources};
pub use list::{DlqReport, MessageGroup, list};
pub use message::DeadLettered;
pub use move_all::{MoveReport, count, move_all};
pub use plan::{NewPlan, PlanProgress, PlanReport, action_name, plan, progress};
pub use queues::{DeadLetterQueues, UNDELIVERED};
pub use record_key::RecordKey;
pub use run::{Execution, run};
pub use selection::Selection;
pub use send::Pace;
pub use show::{AttemptReport, MessageReport, RecordComparison, Whereabouts, show};
