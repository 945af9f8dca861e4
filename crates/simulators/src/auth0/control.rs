//! Changes the tenant.

use std::time::Duration;

use super::Auth0Control;
use super::events::{Change, ChangeKind};
use super::state::FeedEntry;
use super::user::SimulatedUser;
use crate::rate_limit::RateLimit;

impl Auth0Control {
    /// Identifier of the Management API, which a token must be asked for.
    pub fn audience(&self) -> String {
        format!("{}/api/v2/", self.base_url())
    }

    /// ID of the only authorized client.
    pub fn client_id(&self) -> &'static str {
        "coppice-sim-client"
    }

    /// Its secret.
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
        record.set(Some(user.clone()));
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
        let user = record.current.clone().expect("the user to delete is not deleted yet");
        record.set(None);
        state.by_creation.remove(&(user.created_at, id.to_owned()));
        state.feed.push(FeedEntry { kind: ChangeKind::Deleted, user_id: id.to_owned(), at });
        Change { kind: ChangeKind::Deleted, user, at }
    }

    /// The user without the effect of a fault.
    pub fn user(&self, id: &str) -> Option<SimulatedUser> {
        self.lock().users.get(id)?.current.clone()
    }

    /// All users by ID, without the effect of a fault.
    pub fn users(&self) -> Vec<SimulatedUser> {
        self.lock().users.values().filter_map(|record| record.current.clone()).collect()
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

    /// When each request of the API came.
    pub fn request_times(&self) -> Vec<std::time::Instant> {
        self.lock().times.clone()
    }

    /// Searches so far.
    pub fn searches(&self) -> usize {
        self.lock().searches
    }
}
