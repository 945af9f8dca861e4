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
pub(crate) mod rate_limit;
mod state;
mod token;
pub(crate) mod user;

use std::net::SocketAddr;
use std::ops::Deref;

use super::server::{Server, bind};

pub use control::Auth0Control;
pub use events::{Change, ChangeKind, EVENT_STREAM_SOURCE, LOG_STREAM_SOURCE, NativeEvent};
pub use fault::Fault;
pub use user::{SimulatedIdentity, SimulatedUser};

/// A running simulator. Derefs to its [`Auth0Control`]. Stops listening when dropped.
#[derive(Debug)]
pub struct Auth0Simulator {
    control: Auth0Control,
    server: Server,
}

impl Auth0Simulator {
    /// Starts on a free loopback port.
    pub async fn start() -> Self {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts on this address.
    ///
    /// # Panics
    /// When the address is taken.
    pub async fn start_on(address: SocketAddr) -> Self {
        let (listener, address) = bind(address).await;
        let control = Auth0Control::new(address);
        let server = Server::new(listener, address, api::router(control.clone()));
        Self { control, server }
    }

    /// A handle on the tenant that does not borrow the simulator.
    #[must_use]
    pub fn control(&self) -> Auth0Control {
        self.control.clone()
    }

    /// Closes the port: connections are refused, and open ones end after the request they are in.
    pub async fn refuse_connections(&mut self) {
        self.server.refuse_connections().await;
    }

    /// Opens the same port again after [`Self::refuse_connections`].
    ///
    /// # Panics
    /// When another process has taken the port.
    pub async fn accept_connections(&mut self) {
        self.server.accept_connections().await;
    }
}

impl Deref for Auth0Simulator {
    type Target = Auth0Control;

    fn deref(&self) -> &Self::Target {
        &self.control
    }
}
