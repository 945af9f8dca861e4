//! The handle by which a test changes the tenant, sets faults, and counts requests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::event_feed::FeedEntry;
use super::events::{Change, ChangeKind};
use super::fault::Fault;
use super::rate_limit::RateLimit;
use super::state::State;
use super::user::SimulatedUser;
use crate::simulators::ListingFault;
use crate::simulators::gate::Gate;

/// Clones control the same tenant.
#[derive(Debug, Clone)]
pub struct Auth0Control {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Auth0Control {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, state: Arc::new(Mutex::new(State::new())) }
    }

    /// The tenant's address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The tenant's domain as a URL: `http://127.0.0.1:{port}`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Identifier of the Management API, which a token must be asked for.
    #[must_use]
    pub fn audience(&self) -> String {
        format!("{}/api/v2/", self.base_url())
    }

    /// ID of the only authorized client.
    #[must_use]
    pub fn client_id(&self) -> &'static str {
        "coppice-sim-client"
    }

    /// Its secret.
    #[must_use]
    pub fn client_secret(&self) -> &'static str {
        "sim-secret-6f1e0c9b7a"
    }

    /// Creates or replaces a user; sets its times.
    pub fn put_user(&self, mut user: SimulatedUser) -> Change {
        let mut state = self.lock();
        let at = state.next_change_at();
        let record = state.users.entry(user.user_id.clone()).or_default();
        let kind = if record.current.is_some() { ChangeKind::Updated } else { ChangeKind::Created };
        user.created_at = record.current.as_ref().map_or(at, |current| current.created_at);
        user.updated_at = at;
        record.previous = record.current.replace(user.clone());
        state.by_creation.insert((user.created_at, user.user_id.clone()));
        state.feed.push(FeedEntry { kind, user_id: user.user_id.clone(), at });
        Change { kind, user, at }
    }

    /// Changes a user; its `updated_at` rises by at least 1 ms.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn update(&self, id: &str, change: impl FnOnce(&mut SimulatedUser)) -> Change {
        let mut user = self.user(id).expect("the user to update exists");
        change(&mut user);
        self.put_user(user)
    }

    /// Blocks a user, as an administrator would.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn block(&self, id: &str) -> Change {
        self.update(id, |user| user.blocked = Some(true))
    }

    /// Deletes a user.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn delete(&self, id: &str) -> Change {
        let mut state = self.lock();
        let at = state.next_change_at();
        let record = state.users.get_mut(id).expect("the user to delete exists");
        let user = record.current.take().expect("the user to delete is not deleted yet");
        record.previous = Some(user.clone());
        state.by_creation.remove(&(user.created_at, id.to_owned()));
        state.feed.push(FeedEntry { kind: ChangeKind::Deleted, user_id: id.to_owned(), at });
        Change { kind: ChangeKind::Deleted, user, at }
    }

    /// The user without the effect of a fault.
    #[must_use]
    pub fn user(&self, id: &str) -> Option<SimulatedUser> {
        self.lock().users.get(id)?.current.clone()
    }

    /// All users by ID, without the effect of a fault.
    #[must_use]
    pub fn users(&self) -> Vec<SimulatedUser> {
        self.lock().users.values().filter_map(|record| record.current.clone()).collect()
    }

    /// Makes the tenant fail, or ends the fault with [`Fault::None`].
    pub fn set_fault(&self, fault: Fault) {
        self.lock().fault = fault;
    }

    /// Sets a fault for a page of the listing of all users. Pages are counted from the next one on.
    pub fn set_listing_fault(&self, fault: ListingFault) {
        self.lock().listing.set(fault);
    }

    /// Answers requests for one user with this status; `None`: as usual.
    pub fn set_status(&self, id: &str, status: Option<u16>) {
        let statuses = &mut self.lock().statuses;
        match status {
            Some(status) => statuses.insert(id.to_owned(), status),
            None => statuses.remove(id),
        };
    }

    /// Holds the requests for one user from now on, replacing an earlier gate for it.
    #[must_use]
    pub fn hold(&self, id: &str) -> Gate {
        let (gate, shared) = Gate::new();
        self.lock().gates.insert(id.to_owned(), shared);
        gate
    }

    /// Admits `limit` requests of the API per `window`; more get a 429.
    pub fn set_rate_limit(&self, limit: u64, window: Duration) {
        self.lock().rate_limit = RateLimit::new(limit, window);
    }

    /// Sets the lifetime of tokens that are issued from now on.
    pub fn set_token_life(&self, life: Duration) {
        self.lock().token_life = life;
    }

    /// Refuses all tokens issued so far.
    pub fn revoke_tokens(&self) {
        self.lock().tokens.clear();
    }

    /// Requests for one user by ID so far, with any answer.
    #[must_use]
    pub fn requests_for(&self, id: &str) -> usize {
        self.lock().counts.by_id.get(id).copied().unwrap_or(0)
    }

    /// Requests of the API so far, without those for tokens.
    #[must_use]
    pub fn total_requests(&self) -> usize {
        self.lock().counts.total
    }

    /// When each of them came.
    #[must_use]
    pub fn request_times(&self) -> Vec<std::time::Instant> {
        self.lock().counts.times.clone()
    }

    /// Requests for a token so far.
    #[must_use]
    pub fn token_requests(&self) -> usize {
        self.lock().counts.tokens
    }

    /// Listings without a search so far.
    #[must_use]
    pub fn pings(&self) -> usize {
        self.lock().counts.pings
    }

    /// Searches so far.
    #[must_use]
    pub fn searches(&self) -> usize {
        self.lock().counts.searches
    }

    /// Ignores a poisoned lock, so that the panic of the test thread itself is what the test prints.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
