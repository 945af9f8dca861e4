//! A simulator of one HubSpot account: its contacts over the CRM API, and the webhooks of an app that is installed there.
//!
//! In: commands through [`HubSpotControl`], HTTP requests. Out: replies and webhooks shaped like the real ones, personal values
//! included, so that a test can look for them where they must not be. Both spellings of the API's path work, `/crm/v3/objects`
//! and `/crm/objects/{date}`. Shapes:
//! <https://developers.hubspot.com/docs/api-reference/latest/crm/objects/contacts/guide>,
//! <https://developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm>,
//! <https://developers.hubspot.com/docs/api-reference/legacy/webhooks/guide>.
//!
//! Not simulated: other objects, associations, OAuth, histories of properties, lifecycle stages, the journal of webhooks, and
//! the delay between a change and its webhook.

mod api;
mod call;
mod contact;
mod control;
mod events;
mod fault;
mod limits;
mod reads;
mod refusal;
mod search;
mod state;
mod writes;

use crate::{Control, Simulator};

pub use contact::{KEY_PROPERTY, SimulatedContact};
pub use events::EventForm;
pub use fault::Fault;
pub use state::State;

/// The handle on an account. A request by a unique property counts for its value.
pub type HubSpotControl = Control<State>;
/// A running account.
pub type HubSpotSimulator = Simulator<State>;
