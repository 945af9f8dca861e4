//! The state of the account.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use time::OffsetDateTime;

use super::contact::SimulatedContact;
use super::events::{Change, EventForm, event};
use super::fault::Fault;
use super::limits::Limits;
use crate::origin::Origins;
use crate::requests::{Recorded, Requests};

/// The records and the counters of the account.
#[derive(Debug)]
pub struct State {
    contacts: BTreeMap<u64, Record>,
    /// The contacts that were merged away, and into which one.
    merged: HashMap<u64, u64>,
    /// What a search sees.
    index: BTreeMap<u64, SimulatedContact>,
    pub(crate) index_lags: bool,
    pub(crate) keeps_primary_id: bool,
    /// Refused values are errors of their records, beside the results, and not of the whole request.
    pub(crate) multi_status: bool,
    /// Properties that a new contact must have: a rule of the account.
    pub(crate) required: BTreeSet<String>,
    pub(crate) events: Vec<Value>,
    pub(crate) event_form: EventForm,
    pub(crate) limits: Limits,
    pub(crate) requests: Requests<Fault>,
    pub(crate) writes: usize,
    /// The contacts that the API created.
    pub(crate) created: Vec<u64>,
    /// The pages of a listing so far, for one that is repeated.
    pub(crate) last_page: Option<Value>,
    time: Option<OffsetDateTime>,
    last_time: OffsetDateTime,
    last_id: u64,
    event_number: u64,
}

#[derive(Debug)]
struct Record {
    current: SimulatedContact,
    previous: Option<SimulatedContact>,
    origins: Origins,
}

impl Recorded for State {
    type Fault = Fault;

    fn requests(&mut self) -> &mut Requests<Fault> {
        &mut self.requests
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            contacts: BTreeMap::new(),
            merged: HashMap::new(),
            index: BTreeMap::new(),
            index_lags: false,
            keeps_primary_id: false,
            multi_status: false,
            required: BTreeSet::new(),
            events: Vec::new(),
            event_form: EventForm::default(),
            limits: Limits::default(),
            requests: Requests::default(),
            writes: 0,
            created: Vec::new(),
            last_page: None,
            time: None,
            last_time: OffsetDateTime::UNIX_EPOCH,
            last_id: 90_000,
            event_number: 0,
        }
    }
}

impl State {
    /// The time of the next changes, in place of the clock's.
    pub(crate) const fn set_time(&mut self, time: Option<OffsetDateTime>) {
        self.time = time;
    }

    /// The present in milliseconds, later than any time before, unless a test has set it.
    fn now(&mut self) -> OffsetDateTime {
        if let Some(time) = self.time {
            return time;
        }
        let now = OffsetDateTime::now_utc();
        let now = now.replace_nanosecond(u32::from(now.millisecond()) * 1_000_000).unwrap_or(now);
        self.last_time = now.max(self.last_time + time::Duration::MILLISECOND);
        self.last_time
    }

    /// An ID that no contact has.
    pub(crate) fn new_id(&mut self) -> u64 {
        loop {
            self.last_id += 1;
            if !self.contacts.contains_key(&self.last_id) && !self.merged.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }

    /// Stores a contact that was created or changed.
    pub(crate) fn commit(&mut self, change: Change, mut contact: SimulatedContact) -> SimulatedContact {
        let now = self.now();
        let previous = self.contacts.get(&contact.id).map(|record| record.current.clone());
        contact.created_at = previous.as_ref().map_or(now, |previous| previous.created_at);
        contact.updated_at = now;
        self.announce(change, previous.as_ref(), &contact, now);
        self.store(contact)
    }

    /// Archives or restores a contact: its version does not move.
    pub(crate) fn set_archived(&mut self, id: u64, archived: bool) {
        let Some(record) = self.contacts.get(&id) else { return };
        let mut contact = record.current.clone();
        let now = self.now();
        contact.archived_at = archived.then_some(now);
        let change = if archived { Change::Deleted } else { Change::Restored };
        self.announce(change, None, &contact, now);
        self.store(contact);
    }

    /// Removes a contact for good. No call finds it any more.
    pub(crate) fn purge(&mut self, id: u64) {
        if let Some(record) = self.contacts.remove(&id) {
            let now = self.now();
            self.announce(Change::PrivacyDeleted, None, &record.current, now);
            self.index.remove(&id);
        }
    }

    /// Merges two contacts into one. Out: the one that is left.
    pub(crate) fn merge(&mut self, primary: u64, other: u64) -> Option<SimulatedContact> {
        let (first, second) = (self.contact(primary)?.clone(), self.contact(other)?.clone());
        let id = if self.keeps_primary_id { primary } else { self.new_id() };
        let gone: Vec<u64> = [primary, other].into_iter().filter(|gone| *gone != id).collect();
        let mut left = SimulatedContact { id, ..first.clone() };
        for (name, value) in &second.properties {
            left.properties.entry(name.clone()).or_insert_with(|| value.clone());
        }
        left.merged.extend(second.merged.iter().copied().chain(gone.iter().copied()));
        let emails = second.properties.get("email").cloned();
        left.additional_emails.extend(second.additional_emails.iter().cloned().chain(emails));
        let own = left.get("email").map(str::to_owned);
        left.additional_emails.retain(|email| Some(email) != own.as_ref());
        for gone in &gone {
            self.contacts.remove(gone);
            self.index.remove(gone);
        }
        // Also those that were merged into one of them before.
        for left in self.merged.values_mut().filter(|left| gone.contains(left)) {
            *left = id;
        }
        self.merged.extend(gone.iter().map(|gone| (*gone, id)));
        let now = self.now();
        let created_at = first.created_at;
        left.created_at = if self.keeps_primary_id { created_at } else { now };
        left.updated_at = now;
        self.announce(Change::Merged { primary, others: vec![other] }, None, &left, now);
        // The vendor sends a deletion for the other one, too.
        self.announce(Change::Deleted, None, &second, now);
        Some(self.store(left))
    }

    fn store(&mut self, contact: SimulatedContact) -> SimulatedContact {
        let before = self.contacts.remove(&contact.id);
        let (previous, origins) = before.map(|record| (record.current, record.origins)).unzip();
        let origins = origins.unwrap_or_default();
        self.contacts.insert(contact.id, Record { current: contact.clone(), previous, origins });
        if !self.index_lags {
            self.index(&contact);
        }
        contact
    }

    fn index(&mut self, contact: &SimulatedContact) {
        if contact.archived_at.is_some() {
            self.index.remove(&contact.id);
        } else {
            self.index.insert(contact.id, contact.clone());
        }
    }

    /// Lets searches see every change so far.
    pub(crate) fn catch_up(&mut self) {
        let all: Vec<SimulatedContact> =
            self.contacts.values().map(|record| record.current.clone()).collect();
        all.iter().for_each(|contact| self.index(contact));
    }

    fn announce(
        &mut self,
        change: Change,
        previous: Option<&SimulatedContact>,
        contact: &SimulatedContact,
        at: OffsetDateTime,
    ) {
        for event in event(&change, self.event_form, previous, contact, at, &mut self.event_number) {
            self.events.push(event);
        }
    }

    /// Who gave the contact's properties their values. `None`: there is no such contact.
    pub(crate) fn origins(&mut self, id: u64) -> Option<&mut Origins> {
        self.contacts.get_mut(&id).map(|record| &mut record.origins)
    }

    /// What searches see.
    pub(crate) fn indexed(&self) -> impl Iterator<Item = &SimulatedContact> {
        self.index.values()
    }

    /// The contact without the effect of a fault, also an archived one. The ID of a merged contact does not find it.
    pub(crate) fn contact(&self, id: u64) -> Option<&SimulatedContact> {
        self.contacts.get(&id).map(|record| &record.current)
    }

    /// The contact, or the one into which it was merged, as the account answers for it.
    pub(crate) fn visible(&self, id: u64) -> Option<&SimulatedContact> {
        let record = self.contacts.get(self.merged.get(&id).unwrap_or(&id))?;
        if self.requests.fault == Fault::Stale { record.previous.as_ref() } else { Some(&record.current) }
    }

    /// All contacts as the account answers for them, by ID.
    pub(crate) fn all_visible(&self) -> impl Iterator<Item = &SimulatedContact> {
        self.contacts.keys().filter_map(|id| self.visible(*id))
    }

    /// All contacts that are not archived, without the effect of a fault.
    pub(crate) fn living(&self) -> impl Iterator<Item = &SimulatedContact> {
        self.contacts.values().map(|record| &record.current).filter(|contact| contact.archived_at.is_none())
    }

    /// The contact that is not archived and has this value of a property that is unique.
    pub(crate) fn by_unique(&self, property: &str, value: &str) -> Option<&SimulatedContact> {
        self.living().find(|contact| match property {
            "email" => contact.has_email(value),
            other => contact.get(other) == Some(value),
        })
    }
}
