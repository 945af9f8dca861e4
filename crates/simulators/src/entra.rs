//! A simulator of one Microsoft Entra tenant behind Microsoft Graph: tokens, users, deleted items, the delta query, change
//! notifications with their subscriptions, and the log of sign-ins.
//!
//! In: commands through [`EntraControl`], HTTP requests. Out: replies and notifications shaped like the real ones, personal
//! values included, so that a test can look for them where they must not be. Shapes:
//! <https://learn.microsoft.com/graph/api/resources/user>, <https://learn.microsoft.com/graph/delta-query-users>,
//! <https://learn.microsoft.com/graph/change-notifications-delivery-webhooks>,
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>.
//!
//! As there: an answer without `$select` has eleven fields; a soft deletion keeps the user for 30 days, and comes as an update; a
//! page of the delta query may be empty, and its items may come twice; the second page of a round lacks `accountEnabled`; both
//! addresses of a subscription are asked whether they are ours.
//!
//! Not simulated: writes of users over HTTP, searches and filters, `$batch`, groups and other objects, encrypted notifications,
//! retries of notifications, units of the limits, tokens that expire by themselves, delegated permissions.

mod api;
mod application;
mod control;
mod delta;
mod fault;
mod guard;
mod reply;
mod state;
mod subscription;
mod token;
mod user;

use crate::{Control, Simulator};

pub use application::Application;
pub use fault::{Fault, TokenEnd};
pub use state::State;
pub use user::{SimulatedIdentity, SimulatedUser};

/// The handle on a tenant.
pub type EntraControl = Control<State>;
/// A running tenant.
pub type EntraSimulator = Simulator<State>;
