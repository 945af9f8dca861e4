//! Changes the tenant.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::EntraControl;
use super::application::Application;
use super::delta::FeedEntry;
use super::fault::TokenEnd;
use super::subscription::{Notification, deliver, deliver_lifecycle};
use super::user::SimulatedUser;
use crate::auth0::user::timestamp;
use crate::rate_limit::RateLimit;

/// The personal values of every sign-in.
const ADDRESS: &str = "203.0.113.61";

impl EntraControl {
    /// The tenant's ID.
    pub fn tenant_id(&self) -> &'static str {
        "9f4c31d2-0b1a-4c6e-8f57-2d90a1b3c4e5"
    }

    /// Registers an application, in place of an earlier one of its `client_id`.
    pub fn put_application(&self, application: Application) {
        self.lock().applications.insert(application.client_id.clone(), application);
    }

    /// Also issues tokens for Graph at this URL: that of a proxy.
    pub fn put_resource(&self, url: &str) {
        self.lock().resources.insert(url.to_owned());
    }

    /// Makes all tokens expire.
    pub fn expire_tokens(&self) {
        self.lock().tokens.clear();
    }

    /// Creates or replaces a user.
    pub fn put_user(&self, user: SimulatedUser) {
        let before = self.user(&user.id).map(|user| user.to_json(None));
        let after = user.to_json(None);
        let fields = after.as_object().into_iter().flatten();
        let changed =
            fields.filter(|(name, value)| before.as_ref().is_none_or(|old| old[name.as_str()] != **value));
        let changed = changed.map(|(name, _)| name.clone()).collect();
        let id = user.id.clone();
        self.lock().users.entry(id.clone()).or_default().set(Some(user));
        self.changed(&id, changed, "updated");
    }

    /// Changes a user.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn update(&self, id: &str, change: impl FnOnce(&mut SimulatedUser)) {
        let mut user = self.existing(id);
        change(&mut user);
        self.put_user(user);
    }

    /// Deletes a user: it may be restored.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn delete(&self, id: &str) {
        let user = self.existing(id);
        let mut state = self.lock();
        state.users.entry(id.to_owned()).or_default().set(None);
        state.deleted.insert(id.to_owned(), (user, OffsetDateTime::now_utc()));
        drop(state);
        self.changed(id, vec!["id".to_owned(), "deletedDateTime".to_owned()], "updated");
    }

    /// Restores a deleted user, under the same ID.
    ///
    /// # Panics
    /// When it is not among the deleted ones.
    pub fn restore(&self, id: &str) -> SimulatedUser {
        let mut state = self.lock();
        let (user, _) = state.deleted.remove(id).expect("the user to restore is deleted");
        state.users.entry(id.to_owned()).or_default().set(Some(user.clone()));
        drop(state);
        // Only this field has changed since the deletion.
        self.changed(id, vec!["deletedDateTime".to_owned()], "updated");
        user
    }

    /// Deletes a deleted user for good.
    ///
    /// # Panics
    /// When it is not among the deleted ones.
    pub fn purge(&self, id: &str) {
        let purged = self.lock().deleted.remove(id);
        assert!(purged.is_some(), "the user to purge is deleted");
        self.changed(id, vec!["id".to_owned()], "deleted");
    }

    /// The user without the effect of a fault.
    pub fn user(&self, id: &str) -> Option<SimulatedUser> {
        self.lock().users.get(id)?.current.clone()
    }

    /// Writes a sign-in that succeeded into the log. `application`: none for Entra itself. Out: the entry.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn sign_in(&self, user_id: &str, application: Option<&str>) -> Value {
        let (user, id) = (self.existing(user_id), Uuid::new_v4());
        let entry = json!({
            "id": id,
            "createdDateTime": timestamp(OffsetDateTime::now_utc()),
            "userDisplayName": format!("{} {}", user.given_name, user.surname),
            "userPrincipalName": user.principal_name,
            "userId": user.id,
            "appId": application.unwrap_or_default(),
            "appDisplayName": "Sim Portal",
            "ipAddress": ADDRESS,
            "isInteractive": true,
            "status": { "errorCode": 0, "failureReason": "Other.", "additionalDetails": null },
        });
        self.lock().sign_ins.insert(id.to_string(), entry.clone());
        entry
    }

    /// Items on a page of the delta query.
    pub fn set_delta_page(&self, items: usize) {
        self.lock().delta_page = items;
    }

    /// Makes the delta query begin each round with an empty page, and repeat an item on each other page.
    pub fn set_delta_repeats(&self, repeats: bool) {
        self.lock().delta_repeats = repeats;
    }

    /// Makes the delta query refuse every token that it has issued so far.
    pub fn end_delta_tokens(&self, end: TokenEnd) {
        let mut state = self.lock();
        let tokens: Vec<String> = state.rounds.drain().map(|(token, _)| token).collect();
        state.ended.extend(tokens.into_iter().map(|token| (token, end)));
    }

    /// Makes the links of pages lead to another host, `https://elsewhere.example`; `None`: to this one.
    pub fn set_link_host(&self, host: Option<&str>) {
        self.lock().link_host = host.map(str::to_owned);
    }

    /// Admits `limit` requests per `window`; more get a 429, with or without the time to wait.
    pub fn set_rate_limit(&self, limit: u64, window: Duration, says_retry_after: bool) {
        let mut state = self.lock();
        state.rate_limit = RateLimit::new(limit, window);
        state.says_retry_after = says_retry_after;
    }

    /// The IDs of the subscriptions, and when they end.
    pub fn subscriptions(&self) -> Vec<(String, OffsetDateTime)> {
        self.lock().subscriptions.iter().map(|(id, one)| (id.clone(), one.expires_at)).collect()
    }

    /// Makes all subscriptions older. Those whose time is over end.
    pub fn pass_time(&self, time: time::Duration) {
        let mut state = self.lock();
        state.subscriptions.values_mut().for_each(|one| one.expires_at -= time);
        state.subscriptions.retain(|_, one| one.expires_at > OffsetDateTime::now_utc());
    }

    /// Ends all subscriptions, as their time does.
    pub fn end_subscriptions(&self) {
        self.lock().subscriptions.clear();
    }

    /// Sends the changes so far to each subscription, in one request with this many copies of each. Out: the statuses.
    pub async fn deliver(&self, copies: usize) -> Vec<u16> {
        deliver(self, copies).await
    }

    /// Sends a lifecycle event to each subscription. Out: the statuses.
    pub async fn deliver_lifecycle(&self, event: &str) -> Vec<u16> {
        deliver_lifecycle(self, event).await
    }

    fn changed(&self, id: &str, fields: Vec<String>, change: &'static str) {
        let mut state = self.lock();
        state.feed.push(FeedEntry { user_id: id.to_owned(), fields });
        state.pending.push(Notification { user_id: id.to_owned(), change });
    }

    fn existing(&self, id: &str) -> SimulatedUser {
        self.user(id).expect("the user to change exists")
    }
}
