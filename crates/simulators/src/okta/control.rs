//! Changes the organization.

use std::time::Duration;

use time::OffsetDateTime;

use super::OktaControl;
use super::events::{Change, sign_in};
use super::service_app::ServiceApp;
use super::state::FeedEntry;
use super::user::{SimulatedUser, Status};
use crate::NativeEvent;
use crate::rate_limit::RateLimit;

impl OktaControl {
    /// Registers a service app, in place of an earlier one of its `client_id`.
    pub fn put_service_app(&self, app: ServiceApp) {
        self.lock().service_apps.insert(app.client_id.clone(), app);
    }

    /// Makes all tokens of service apps expire.
    pub fn expire_tokens(&self) {
        self.lock().tokens.clear();
    }

    /// The only API token that the simulator accepts.
    pub fn api_token(&self) -> &'static str {
        "00simToken-4f0e8a361b7d20c9"
    }

    /// Creates or replaces a user.
    pub fn put_user(&self, user: SimulatedUser) -> Change {
        let known = self.user(&user.id).is_some();
        self.change(user, if known { "user.account.update_profile" } else { "user.lifecycle.create" })
    }

    /// Changes a user's profile.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn update(&self, id: &str, change: impl FnOnce(&mut SimulatedUser)) -> Change {
        let mut user = self.existing(id);
        change(&mut user);
        self.put_user(user)
    }

    /// Suspends a user.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn suspend(&self, id: &str) -> Change {
        self.change(
            SimulatedUser { status: Status::Suspended, ..self.existing(id) },
            "user.lifecycle.suspend",
        )
    }

    /// Ends the suspension of a user.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn unsuspend(&self, id: &str) -> Change {
        self.change(SimulatedUser { status: Status::Active, ..self.existing(id) }, "user.lifecycle.unsuspend")
    }

    /// Deactivates a user: the first step of a deletion.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn deactivate(&self, id: &str) -> Change {
        let user = SimulatedUser { status: Status::Deprovisioned, ..self.existing(id) };
        self.change(user, "user.lifecycle.deactivate")
    }

    /// Activates a deactivated user again.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn activate(&self, id: &str) -> Change {
        let user = SimulatedUser { status: Status::Active, ..self.existing(id) };
        self.change(user, "user.lifecycle.activate")
    }

    /// Deletes a user: the second step. The user need not be deactivated.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn delete(&self, id: &str) -> Change {
        let user = self.existing(id);
        let mut state = self.lock();
        state.users.entry(id.to_owned()).or_default().set(None);
        let (event_type, at) = ("user.lifecycle.delete.completed", OffsetDateTime::now_utc());
        state.feed.push(FeedEntry { event_type, user_id: id.to_owned(), at });
        Change { event_type, user, at }
    }

    /// Signs a user on to an application, or in to Okta itself: the entry is in the log, and this is the event.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn sign_in(&self, id: &str, application: Option<&str>) -> NativeEvent {
        let (uuid, entry, event) = sign_in(&self.existing(id), application, OffsetDateTime::now_utc());
        self.lock().log.insert(uuid, entry);
        event
    }

    /// The user without the effect of a fault.
    pub fn user(&self, id: &str) -> Option<SimulatedUser> {
        self.lock().users.get(id)?.current.clone()
    }

    /// Admits `limit` requests per `window`; more get a 429.
    pub fn set_rate_limit(&self, limit: u64, window: Duration) {
        self.lock().rate_limit = RateLimit::new(limit, window);
    }

    /// Reads of the log so far.
    pub fn log_requests(&self) -> usize {
        self.lock().log_reads
    }

    /// Answers so far that said that the caller's copy is current.
    pub fn not_modified(&self) -> usize {
        self.lock().not_modified
    }

    fn change(&self, mut user: SimulatedUser, event_type: &'static str) -> Change {
        let at = OffsetDateTime::now_utc();
        let mut state = self.lock();
        state.store(&mut user, at);
        state.feed.push(FeedEntry { event_type, user_id: user.id.clone(), at });
        Change { event_type, user, at }
    }

    fn existing(&self, id: &str) -> SimulatedUser {
        self.user(id).expect("the user to change exists")
    }
}
