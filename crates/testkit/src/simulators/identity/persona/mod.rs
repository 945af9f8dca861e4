//! One Persona environment.

mod api;
mod events;
mod inquiry;

use std::net::SocketAddr;
use std::ops::Deref;

use time::OffsetDateTime;

use super::control::IdentityControl;
use super::person::SimulatedPerson;
use crate::simulators::server::{Server, bind};

pub use events::InquiryChange;

/// A running environment. Derefs to its [`IdentityControl`]. Stops listening when dropped.
#[derive(Debug)]
pub struct PersonaSimulator {
    control: IdentityControl,
    server: Server,
}

impl PersonaSimulator {
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
        let control = IdentityControl::new(address, "persona_sandbox_simulated-4f0e8a36");
        let server = Server::new(listener, address, api::router(control.clone()));
        Self { control, server }
    }

    /// A handle on the environment that does not borrow the simulator.
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

    /// Creates an inquiry that the person has not begun.
    pub fn put_inquiry(&self, id: &str, reference_id: Option<&str>) -> InquiryChange {
        let now = OffsetDateTime::now_utc();
        let inquiry = inquiry::new(id, reference_id, now);
        self.control.lock().store(id, Some(inquiry.clone()));
        InquiryChange::new("created", inquiry, now)
    }

    /// The person has begun.
    ///
    /// # Panics
    /// When there is no such inquiry; the same holds for the other changes.
    pub fn start_inquiry(&self, id: &str) -> InquiryChange {
        self.decide(id, "started", "pending", "started-at")
    }

    /// The person has completed the inquiry; these values were collected.
    pub fn complete(&self, id: &str, person: &SimulatedPerson) -> InquiryChange {
        self.control.change(id, |it| inquiry::fill(it, person));
        self.decide(id, "completed", "completed", "completed-at")
    }

    /// Approves the inquiry, with the values of [`Self::complete`].
    pub fn approve(&self, id: &str) -> InquiryChange {
        self.decide(id, "approved", "approved", "decisioned-at")
    }

    /// Declines the inquiry.
    pub fn decline(&self, id: &str) -> InquiryChange {
        self.decide(id, "declined", "declined", "decisioned-at")
    }

    /// The provider waits for a reviewer.
    pub fn mark_for_review(&self, id: &str) -> InquiryChange {
        self.decide(id, "marked-for-review", "needs_review", "marked-for-review-at")
    }

    /// The inquiry expires.
    pub fn expire(&self, id: &str) -> InquiryChange {
        self.decide(id, "expired", "expired", "expired-at")
    }

    /// Redacts an inquiry, whatever its status.
    pub fn redact(&self, id: &str) -> InquiryChange {
        let now = OffsetDateTime::now_utc();
        InquiryChange::new("redacted", self.control.change(id, |it| inquiry::redact(it, now)), now)
    }

    fn decide(&self, id: &str, event: &str, status: &str, time: &str) -> InquiryChange {
        let now = OffsetDateTime::now_utc();
        let inquiry = self.control.change(id, |it| inquiry::set_status(it, status, time, now));
        InquiryChange::new(event, inquiry, now)
    }
}

impl Deref for PersonaSimulator {
    type Target = IdentityControl;

    fn deref(&self) -> &Self::Target {
        &self.control
    }
}
