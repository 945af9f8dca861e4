//! One Stripe account with Identity.

mod api;
mod events;
mod session;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use time::OffsetDateTime;

use super::person::SimulatedPerson;
use super::{IdentityControl, Vendor};

pub use events::{STRIPE_SOURCE, SessionChange};

/// The vendor.
#[derive(Debug, Default)]
pub struct Stripe;

impl Vendor for Stripe {
    const API_KEY: &'static str = "rk_test_simulated4f0e8a361b7d";
    const CASES: &'static str = "/v1/identity/verification_sessions";

    fn routes() -> Router<IdentityControl<Self>> {
        Router::new()
            .route("/v1/identity/verification_sessions/{id}", get(api::session))
            .route(Self::CASES, get(api::sessions))
    }

    fn unauthorized() -> Response {
        api::unauthorized()
    }

    fn too_many(reset_secs: u64) -> Response {
        api::too_many(reset_secs)
    }
}

impl IdentityControl<Stripe> {
    /// Creates a session, which waits for its person's input.
    pub fn put_session(&self, id: &str, client_reference_id: Option<&str>) -> SessionChange {
        let session = session::new(id, client_reference_id, OffsetDateTime::now_utc());
        self.lock().store(id, Some(session.clone()));
        SessionChange::new("created", session)
    }

    /// The person has submitted their documents.
    ///
    /// # Panics
    /// When there is no such session; the same holds for the other changes.
    pub fn process(&self, id: &str) -> SessionChange {
        SessionChange::new("processing", self.change(id, session::process))
    }

    /// The documents show this person.
    pub fn verify(&self, id: &str, person: &SimulatedPerson) -> SessionChange {
        SessionChange::new("verified", self.change(id, |it| session::verify(it, person)))
    }

    /// A check has failed, with a code such as `document_expired`: the person may try again.
    pub fn refuse(&self, id: &str, code: &str) -> SessionChange {
        SessionChange::new("requires_input", self.change(id, |it| session::refuse(it, code)))
    }

    /// Cancels the session: it cannot be continued.
    pub fn cancel(&self, id: &str) -> SessionChange {
        SessionChange::new("canceled", self.change(id, session::cancel))
    }

    /// Asks for redaction, which Stripe takes up to four days for. There is no event about that.
    pub fn begin_redaction(&self, id: &str) {
        self.change(id, session::begin_redaction);
    }

    /// Redacts a session at once.
    pub fn redact(&self, id: &str) -> SessionChange {
        SessionChange::new("redacted", self.change(id, session::redact))
    }
}
