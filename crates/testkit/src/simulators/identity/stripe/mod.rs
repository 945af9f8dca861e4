//! One Stripe account with Identity.

mod api;
mod events;
mod session;

use std::net::SocketAddr;
use std::ops::Deref;

use time::OffsetDateTime;

use super::control::IdentityControl;
use super::person::SimulatedPerson;
use crate::simulators::server::{Server, bind};

pub use events::{STRIPE_SOURCE, SessionChange};

/// A running account. Derefs to its [`IdentityControl`]. Stops listening when dropped.
#[derive(Debug)]
pub struct StripeSimulator {
    control: IdentityControl,
    server: Server,
}

impl StripeSimulator {
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
        let control = IdentityControl::new(address, "rk_test_simulated4f0e8a361b7d");
        let server = Server::new(listener, address, api::router(control.clone()));
        Self { control, server }
    }

    /// A handle on the account that does not borrow the simulator.
    #[must_use]
    pub fn control(&self) -> IdentityControl {
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

    /// Creates a session, which waits for its person's input.
    pub fn put_session(&self, id: &str, client_reference_id: Option<&str>) -> SessionChange {
        let session = session::new(id, client_reference_id, OffsetDateTime::now_utc());
        self.control.lock().store(id, Some(session.clone()));
        SessionChange::new("created", session)
    }

    /// The person has submitted their documents.
    ///
    /// # Panics
    /// When there is no such session; the same holds for the other changes.
    pub fn process(&self, id: &str) -> SessionChange {
        SessionChange::new("processing", self.control.change(id, session::process))
    }

    /// The documents show this person.
    pub fn verify(&self, id: &str, person: &SimulatedPerson) -> SessionChange {
        SessionChange::new("verified", self.control.change(id, |it| session::verify(it, person)))
    }

    /// A check has failed, with a code such as `document_expired`: the person may try again.
    pub fn refuse(&self, id: &str, code: &str) -> SessionChange {
        SessionChange::new("requires_input", self.control.change(id, |it| session::refuse(it, code)))
    }

    /// Cancels the session: it cannot be continued.
    pub fn cancel(&self, id: &str) -> SessionChange {
        SessionChange::new("canceled", self.control.change(id, session::cancel))
    }

    /// Asks for redaction, which Stripe takes up to four days for. There is no event about that.
    pub fn begin_redaction(&self, id: &str) {
        self.control.change(id, session::begin_redaction);
    }

    /// Redacts a session at once.
    pub fn redact(&self, id: &str) -> SessionChange {
        SessionChange::new("redacted", self.control.change(id, session::redact))
    }
}

impl Deref for StripeSimulator {
    type Target = IdentityControl;

    fn deref(&self) -> &Self::Target {
        &self.control
    }
}
