//! A simulator of one Auth0 tenant: token endpoint, users and log entries of the Management API, and the events it would send.
//!
//! In: commands through [`Auth0Control`], HTTP requests. Out: replies and events shaped like the real ones, personal
//! values included, so that a test can look for them where they must not be. Shapes:
//! <https://auth0.com/docs/api/management/v2>, <https://auth0.com/docs/customize/events/event-types>,
//! <https://auth0.com/docs/deploy-monitor/logs/log-event-type-codes>.
//!
//! Not simulated: writes over HTTP, searches but by `identities.user_id` and `created_at`, and the delay of the real search
//! index.

mod api;
mod control;
mod event_feed;
mod events;
mod fault;
mod listing;
mod logs;
mod reply;
mod state;
mod token;
pub(crate) mod user;

use crate::{Control, Simulator};

pub use events::{Change, ChangeKind, EVENT_STREAM_SOURCE, LOG_STREAM_SOURCE};
pub use fault::Fault;
pub use state::State;
pub use user::{SimulatedIdentity, SimulatedUser};

/// The handle on a tenant.
pub type Auth0Control = Control<State>;
/// A running tenant.
pub type Auth0Simulator = Simulator<State>;
