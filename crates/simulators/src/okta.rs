//! A simulator of one Okta organization: users, the System Log, and the events of its EventBridge log stream.
//!
//! In: commands through [`OktaControl`], HTTP requests. Out: replies and events shaped like the real ones, personal
//! values included, so that a test can look for them where they must not be. Shapes:
//! <https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/>,
//! <https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/>.
//!
//! Not simulated: proof of possession, administrators' roles of a service app, tokens that expire by themselves, writes
//! over HTTP, searches, `fields` of a list other than `id`, filters other than for deactivated users, and sign-ins in the log as
//! a feed.

mod api;
mod control;
mod events;
mod fault;
mod guard;
mod listing;
mod log_feed;
mod reply;
mod service_app;
mod state;
mod token;
mod user;

use crate::{Control, Simulator};

pub use events::{ADMINISTRATOR, Change, LOG_STREAM_SOURCE};
pub use fault::Fault;
pub use service_app::ServiceApp;
pub use state::State;
pub use user::{SimulatedUser, Status};

/// The handle on an organization.
pub type OktaControl = Control<State>;
/// A running organization.
pub type OktaSimulator = Simulator<State>;
