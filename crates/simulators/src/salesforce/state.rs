//! The state of the org.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use serde_json::Value;
use time::OffsetDateTime;

use super::contact::{SimulatedContact, contact_id};
use super::events::{ChangeKind, ContactChange, Transaction, change_event};
use super::fault::Fault;
use crate::NativeEvent;
use crate::origin::Origins;
use crate::requests::{Recorded, Requests};

/// Queries of a user that may have more pages at once.
const MOST_OPEN_PAGES: usize = 10;

/// The records and the counters of the org.
#[derive(Debug)]
pub struct State {
    pub(crate) contacts: BTreeMap<String, Record>,
    pub(crate) events: Vec<NativeEvent>,
    pub(crate) tokens: HashSet<String>,
    pub(crate) page_size: usize,
    /// Calls that are allowed; the simulator's day has no end.
    pub(crate) daily_calls: usize,
    /// The rest of each query that has more pages, by the last part of its `nextRecordsUrl`.
    pub(crate) pages: HashMap<String, (usize, Vec<Value>)>,
    /// Their names, the oldest first.
    open_pages: VecDeque<String>,
    pub(crate) last_page: Option<Value>,
    pub(crate) requests: Requests<Fault>,
    pub(crate) writes: usize,
    /// The contacts that the API created.
    pub(crate) created: Vec<String>,
    /// Contacts that a sharing rule hides from our user.
    pub(crate) hidden: HashSet<String>,
    commit_number: i64,
    last_number: u64,
}

/// A contact now, and its state one change ago.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) current: SimulatedContact,
    pub(crate) previous: Option<SimulatedContact>,
    pub(crate) origins: Origins,
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
            events: Vec::new(),
            tokens: HashSet::new(),
            page_size: 2000,
            // Of an Enterprise org without licences.
            daily_calls: 100_000,
            pages: HashMap::new(),
            open_pages: VecDeque::new(),
            last_page: None,
            requests: Requests::default(),
            writes: 0,
            created: Vec::new(),
            hidden: HashSet::new(),
            commit_number: 1_745_500_706_683_617_280,
            last_number: 8_100_000_000,
        }
    }
}

impl State {
    /// Stores `contact` as the current state of its record, and records the event.
    pub(crate) fn commit(
        &mut self,
        kind: ChangeKind,
        mut contact: SimulatedContact,
        transaction: &mut Transaction,
    ) -> ContactChange {
        let now = OffsetDateTime::now_utc();
        let at = now.replace_nanosecond(u32::from(now.millisecond()) * 1_000_000).unwrap_or(now);
        let second = now.replace_nanosecond(0).unwrap_or(now);
        let previous = self.contacts.get(&contact.id).map(|record| record.current.clone());
        contact.created_date = previous.as_ref().map_or(second, |previous| previous.created_date);
        contact.system_modstamp =
            previous.as_ref().map_or(second, |previous| second.max(previous.system_modstamp));
        let commit = self.next_commit();
        let event = change_event(kind, previous.as_ref(), &contact, at, commit, transaction);
        self.events.push(event.clone());
        let origins = self.contacts.get(&contact.id).map(|record| record.origins.clone());
        let record = Record { current: contact.clone(), previous, origins: origins.unwrap_or_default() };
        self.contacts.insert(contact.id.clone(), record);
        ContactChange { kind, contact, at, event }
    }

    /// Keeps the rest of a query. As at Salesforce, a user has ten open queries; the oldest one is dropped.
    pub(crate) fn keep_page(&mut self, name: String, total: usize, rest: Vec<Value>) {
        if self.open_pages.len() >= MOST_OPEN_PAGES {
            let oldest = self.open_pages.pop_front();
            oldest.and_then(|oldest| self.pages.remove(&oldest));
        }
        self.open_pages.push_back(name.clone());
        self.pages.insert(name, (total, rest));
    }

    pub(crate) fn next_commit(&mut self) -> i64 {
        self.commit_number += 1;
        self.commit_number
    }

    /// An ID that no contact has.
    pub(crate) fn new_id(&mut self) -> String {
        loop {
            self.last_number += 1;
            let id = contact_id(self.last_number);
            if !self.contacts.contains_key(&id) {
                return id;
            }
        }
    }

    /// The contact without the effect of a fault, also a deleted one.
    pub(crate) fn contact(&self, id: &str) -> Option<&SimulatedContact> {
        self.contacts.get(id).map(|record| &record.current)
    }

    /// The contact that is not deleted and has this key. Salesforce ignores case by default; this field is
    /// defined as case-sensitive.
    pub(crate) fn by_key(&self, key: &str) -> Option<&SimulatedContact> {
        let current = self.contacts.values().map(|record| &record.current);
        current
            .filter(|contact| !contact.is_deleted)
            .find(|contact| contact.person_key.as_deref() == Some(key))
    }

    /// Another contact that is not deleted and has this contact's key.
    pub(crate) fn duplicate_of(&self, contact: &SimulatedContact) -> Option<&SimulatedContact> {
        self.by_key(contact.person_key.as_deref()?).filter(|other| other.id != contact.id)
    }

    /// The contact as the org answers for it under the fault in force, also a deleted one.
    pub(crate) fn visible(&self, id: &str) -> Option<&SimulatedContact> {
        let record = self.contacts.get(id).filter(|_| !self.hidden.contains(id))?;
        if self.requests.fault == Fault::Stale { record.previous.as_ref() } else { Some(&record.current) }
    }

    pub(crate) fn all_visible(&self) -> impl Iterator<Item = &SimulatedContact> {
        self.contacts.keys().filter_map(|id| self.visible(id))
    }
}
