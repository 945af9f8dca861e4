//! One Persona environment.

mod api;
mod events;
mod inquiry;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use time::OffsetDateTime;

use super::person::SimulatedPerson;
use super::{IdentityControl, Vendor};

pub use events::InquiryChange;

/// The vendor.
#[derive(Debug, Default)]
pub struct Persona;

impl Vendor for Persona {
    const API_KEY: &'static str = "persona_sandbox_simulated-4f0e8a36";
    const CASES: &'static str = "/api/v1/inquiries";

    fn routes() -> Router<IdentityControl<Self>> {
        Router::new()
            .route("/api/v1/inquiries/{id}", get(api::inquiry))
            .route(Self::CASES, get(api::inquiries))
    }

    fn unauthorized() -> Response {
        api::unauthorized()
    }

    fn too_many(reset_secs: u64) -> Response {
        api::too_many(reset_secs)
    }
}

impl IdentityControl<Persona> {
    /// Creates an inquiry that the person has not begun.
    pub fn put_inquiry(&self, id: &str, reference_id: Option<&str>) -> InquiryChange {
        let now = OffsetDateTime::now_utc();
        let inquiry = inquiry::new(id, reference_id, now);
        self.lock().store(id, Some(inquiry.clone()));
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
        self.change(id, |it| inquiry::fill(it, person));
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
        InquiryChange::new("redacted", self.change(id, |it| inquiry::redact(it, now)), now)
    }

    fn decide(&self, id: &str, event: &str, status: &str, time: &str) -> InquiryChange {
        let now = OffsetDateTime::now_utc();
        let inquiry = self.change(id, |it| inquiry::set_status(it, status, time, now));
        InquiryChange::new(event, inquiry, now)
    }
}
