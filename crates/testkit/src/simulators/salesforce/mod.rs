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
mod soql;
mod state;
mod token;
mod writes;

use std::net::SocketAddr;
use std::ops::Deref;

use super::server::{Server, bind};

pub use super::auth0::NativeEvent;
pub use contact::{SimulatedContact, contact_id};
pub use control::SalesforceControl;
pub use events::{ChangeKind, ContactChange, SALESFORCE_SOURCE};
pub use fault::Fault;

/// A running simulator. Derefs to its [`SalesforceControl`]. Stops listening when dropped.
#[derive(Debug)]
pub struct SalesforceSimulator {
    control: SalesforceControl,
    server: Server,
}

impl SalesforceSimulator {
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
        let control = SalesforceControl::new(address);
        let server = Server::new(listener, address, api::router(control.clone()));
        Self { control, server }
    }

    /// A handle on the org that does not borrow the simulator.
    #[must_use]
    pub fn control(&self) -> SalesforceControl {
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

impl Deref for SalesforceSimulator {
    type Target = SalesforceControl;

    fn deref(&self) -> &Self::Target {
        &self.control
    }
}
