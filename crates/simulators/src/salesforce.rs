//! A simulator of one Salesforce org: its contacts over REST, and the Change Data Capture events that its event relay
//! would send to EventBridge.
//!
//! In: commands through [`SalesforceControl`], HTTP requests. Out: replies and events shaped like the real ones, personal
//! values included, so that a test can look for them where they must not be. Shapes:
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest>,
//! <https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture>.
//!
//! Not simulated: other objects, the JWT flow, SOQL beyond conditions joined by `AND`, `POST` and `DELETE` of records,
//! events that stand for many records, duplicate rules and triggers, and the delay between a commit and its event.

mod api;
mod call;
mod contact;
mod control;
mod events;
mod fault;
mod reads;
mod refusal;
mod soql;
mod state;
mod token;
mod writes;

use crate::{Control, Simulator};

pub use contact::{SimulatedContact, contact_id};
pub use events::{ChangeKind, ContactChange, SALESFORCE_SOURCE};
pub use fault::Fault;
pub use state::State;

/// The handle on an org. A request by key counts for the key, and for the contact that has it on arrival.
pub type SalesforceControl = Control<State>;
/// A running org.
pub type SalesforceSimulator = Simulator<State>;
