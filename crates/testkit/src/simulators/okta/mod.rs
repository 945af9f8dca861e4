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
mod service_app;
mod state;
mod token;
mod user;

use std::net::SocketAddr;
use std::ops::Deref;

use super::server::{Server, bind};

pub use super::auth0::NativeEvent;
pub use control::OktaControl;
pub use events::{ADMINISTRATOR, Change, LOG_STREAM_SOURCE};
pub use fault::Fault;
pub use service_app::ServiceApp;
pub use user::{SimulatedUser, Status};

/// A running simulator. Derefs to its [`OktaControl`]. Stops listening when dropped.
#[derive(Debug)]
pub struct OktaSimulator {
    control: OktaControl,
    server: Server,
}

impl OktaSimulator {
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
        let control = OktaControl::new(address);
        let server = Server::new(listener, address, api::router(control.clone()));
        Self { control, server }
    }

    /// A handle on the organization that does not borrow the simulator.
    #[must_use]
    pub fn control(&self) -> OktaControl {
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

impl Deref for OktaSimulator {
    type Target = OktaControl;

    fn deref(&self) -> &Self::Target {
        &self.control
    }
}
