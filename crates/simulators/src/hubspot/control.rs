//! Changes the account.

use serde_json::Value;
use time::OffsetDateTime;

use super::HubSpotControl;
use super::contact::{KEY_PROPERTY, SimulatedContact, WRITABLE};
use super::events::{Change, EventForm, PORTAL, signed};
use super::limits::{burst, day, searches};
use super::state::State;
use crate::{SetBy, SignedWebhook};

impl HubSpotControl {
    /// The token of the one private app.
    pub fn token(&self) -> &'static str {
        "pat-eu1-sim-5d0e7c1b9a"
    }

    /// The account's ID.
    pub fn portal(&self) -> u64 {
        PORTAL
    }

    /// Creates or replaces a contact; sets its times. One that was archived comes back.
    ///
    /// # Panics
    /// When another contact has its key or its address.
    pub fn put_contact(&self, contact: SimulatedContact) -> SimulatedContact {
        let mut state = self.lock();
        for property in ["email", KEY_PROPERTY] {
            let other = contact.get(property).and_then(|value| state.by_unique(property, value));
            assert!(other.is_none_or(|other| other.id == contact.id), "{property} is unique");
        }
        let change = if state.contact(contact.id).is_some() { Change::Updated } else { Change::Created };
        by_user(&mut state, change, SimulatedContact { archived_at: None, ..contact })
    }

    /// Changes a contact, as a user of the CRM would.
    ///
    /// # Panics
    /// When there is no such contact.
    pub fn update(&self, id: u64, change: impl FnOnce(&mut SimulatedContact)) -> SimulatedContact {
        let mut contact = self.contact(id).expect("the contact exists");
        change(&mut contact);
        by_user(&mut self.lock(), Change::Updated, SimulatedContact { id, ..contact })
    }

    /// Archives a contact. Its version does not move.
    pub fn archive(&self, id: u64) {
        self.lock().set_archived(id, true);
    }

    /// Restores a contact. Its version does not move.
    pub fn restore(&self, id: u64) {
        self.lock().set_archived(id, false);
    }

    /// Deletes a contact for good, for the sake of privacy.
    pub fn purge(&self, id: u64) {
        self.lock().purge(id);
    }

    /// Merges two contacts. Out: the one that is left, with a new ID unless [`Self::keep_primary_ids`] is set.
    ///
    /// # Panics
    /// When one of them does not exist.
    pub fn merge(&self, primary: u64, other: u64) -> SimulatedContact {
        self.lock().merge(primary, other).expect("both contacts exist")
    }

    /// Whether a merge keeps the ID of the primary contact: a beta of the vendor.
    pub fn keep_primary_ids(&self, keep: bool) {
        self.lock().keeps_primary_id = keep;
    }

    /// The contact without the effect of a fault; also an archived one.
    pub fn contact(&self, id: u64) -> Option<SimulatedContact> {
        self.lock().contact(id).cloned()
    }

    /// All contacts that are not archived, by ID, without the effect of a fault.
    pub fn contacts(&self) -> Vec<SimulatedContact> {
        self.lock().living().cloned().collect()
    }

    /// The contact that is not archived and has this key.
    pub fn by_key(&self, key: &str) -> Option<SimulatedContact> {
        self.lock().by_unique(KEY_PROPERTY, key).cloned()
    }

    /// Who gave a property of a contact its value.
    ///
    /// # Panics
    /// When there is no such contact.
    pub fn set_by(&self, id: u64, property: &str) -> SetBy {
        let mut state = self.lock();
        let value = state.contact(id).and_then(|contact| contact.get(property)).map(str::to_owned);
        state.origins(id).expect("the contact exists").set_by(property, value.as_deref())
    }

    /// Number of events that no call has taken yet.
    pub fn waiting_events(&self) -> usize {
        self.lock().events.len()
    }

    /// The time of all changes from now on; `None`: the clock's.
    pub fn set_time(&self, time: Option<OffsetDateTime>) {
        self.lock().set_time(time);
    }

    /// Whether searches see no change from now on. Without the lag they see all of them.
    pub fn set_index_lag(&self, lags: bool) {
        let mut state = self.lock();
        state.index_lags = lags;
        if !lags {
            state.catch_up();
        }
    }

    /// Whether a refused value is an error of its record, in a reply with status 207, and not of the whole request.
    pub fn set_multi_status(&self, multi_status: bool) {
        self.lock().multi_status = multi_status;
    }

    /// Makes a property required for new contacts: a rule of the account.
    pub fn require(&self, property: &str) {
        self.lock().required.insert(property.to_owned());
    }

    /// Requests in ten seconds, from now on.
    pub fn set_burst_limit(&self, requests: u64) {
        self.lock().limits.burst = burst(requests);
    }

    /// Requests in a day, from now on.
    pub fn set_daily_limit(&self, requests: u64) {
        self.lock().limits.day = day(requests);
    }

    /// Searches in a second, from now on.
    pub fn set_search_limit(&self, requests: u64) {
        self.lock().limits.searches = searches(requests);
    }

    /// How the app's webhooks name what they are about.
    pub fn set_event_form(&self, form: EventForm) {
        self.lock().event_form = form;
    }

    /// The events of all changes since the last call, in order.
    pub fn take_events(&self) -> Vec<Value> {
        std::mem::take(&mut self.lock().events)
    }

    /// A webhook with these events, as it would be sent to `url` at `at` by an app with this client secret.
    pub fn webhook(&self, url: &str, secret: &str, events: &[Value], at: OffsetDateTime) -> SignedWebhook {
        signed(url, secret, events, at)
    }

    /// Requests so far that would write, answered in whatever way.
    pub fn writes(&self) -> usize {
        self.lock().writes
    }

    /// Contacts created over the API so far.
    pub fn creations(&self) -> usize {
        self.lock().created.len()
    }

    /// The IDs of those.
    pub fn created(&self) -> Vec<u64> {
        self.lock().created.clone()
    }
}

/// Stores what a user of the CRM made of a contact.
fn by_user(state: &mut State, change: Change, contact: SimulatedContact) -> SimulatedContact {
    let before = state.contact(contact.id).cloned();
    let contact = state.commit(change, contact);
    let value = |contact: &SimulatedContact, name: &str| contact.get(name).map(str::to_owned);
    let changed = WRITABLE
        .iter()
        .filter(|name| before.as_ref().and_then(|it| value(it, name)) != value(&contact, name));
    if let Some(origins) = state.origins(contact.id) {
        changed.for_each(|name| origins.user_changed(name));
    }
    contact
}
