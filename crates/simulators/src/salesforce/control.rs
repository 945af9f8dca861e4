//! Changes the org.

use super::SalesforceControl;
use super::contact::{FIELDS, SimulatedContact, field as known_field, full_id};
use super::events::{ChangeKind, ContactChange, Transaction, gap_event};
use super::state::Record;
use crate::{NativeEvent, SetBy};

impl SalesforceControl {
    /// The one connected app.
    pub fn client_id(&self) -> &'static str {
        "3MVG9.coppice.sim.connected.app"
    }

    /// Its secret.
    pub fn client_secret(&self) -> &'static str {
        "sim-secret-9d41c7e0b2"
    }

    /// Creates or replaces a contact; sets its times. One that was deleted comes back.
    ///
    /// # Panics
    /// When its ID is not one of a contact, its last name is empty, or another one has its key.
    pub fn put_contact(&self, contact: SimulatedContact) -> ContactChange {
        let kind = match self.contact(&contact.id) {
            None => ChangeKind::Created,
            Some(present) if present.is_deleted => ChangeKind::Undeleted,
            Some(_) => ChangeKind::Updated,
        };
        self.commit(kind, SimulatedContact { is_deleted: false, master_record_id: None, ..contact })
    }

    /// Changes a contact, as a user of the CRM would.
    ///
    /// # Panics
    /// When there is no such contact, it is deleted, or is not valid after the change.
    pub fn update(&self, id: &str, change: impl FnOnce(&mut SimulatedContact)) -> ContactChange {
        let present = self.present(id);
        let mut contact = present.clone();
        change(&mut contact);
        self.commit(ChangeKind::Updated, SimulatedContact { id: present.id, is_deleted: false, ..contact })
    }

    /// Moves a contact to the recycle bin.
    ///
    /// # Panics
    /// When there is no such contact, or it is deleted.
    pub fn delete(&self, id: &str) -> ContactChange {
        let contact = self.present(id);
        self.commit(ChangeKind::Deleted, SimulatedContact { is_deleted: true, ..contact })
    }

    /// Moves a contact back from the recycle bin; also the loser of a merge.
    ///
    /// # Panics
    /// When there is no such contact, it is not deleted, or another one has its key by now.
    pub fn undelete(&self, id: &str) -> ContactChange {
        let contact = self.contact(id).expect("the contact to undelete exists");
        assert!(contact.is_deleted, "the contact to undelete is deleted");
        let contact = SimulatedContact { is_deleted: false, master_record_id: None, ..contact };
        self.commit(ChangeKind::Undeleted, contact)
    }

    /// Merges two contacts: the loser is deleted and points to the winner, which keeps its own values. The events are in
    /// this order and of one transaction. Returns the changes as (winner's, loser's).
    ///
    /// # Panics
    /// When either does not exist or is deleted, or they are the same.
    pub fn merge(&self, winner: &str, loser: &str) -> (ContactChange, ContactChange) {
        let (winner, loser) = (self.present(winner), self.present(loser));
        assert_ne!(winner.id, loser.id, "a contact is not merged with itself");
        let mut state = self.lock();
        let mut transaction = Transaction::of_screen();
        let master_record_id = Some(winner.id.clone());
        let loser = SimulatedContact { is_deleted: true, master_record_id, ..loser };
        let deletion = state.commit(ChangeKind::Deleted, loser, &mut transaction);
        (state.commit(ChangeKind::Updated, winner, &mut transaction), deletion)
    }

    /// The contact without the effect of a fault; also a deleted one.
    pub fn contact(&self, id: &str) -> Option<SimulatedContact> {
        self.lock().contact(&full_id(id)).cloned()
    }

    /// All contacts that are not deleted, by ID, without the effect of a fault.
    pub fn contacts(&self) -> Vec<SimulatedContact> {
        let state = self.lock();
        let all = state.contacts.values().map(|record| &record.current);
        all.filter(|contact| !contact.is_deleted).cloned().collect()
    }

    /// The value of a contact's field, by its name in the API. `None`: it has none, or there is no such contact.
    ///
    /// # Panics
    /// When contacts have no such field.
    pub fn value(&self, id: &str, field: &str) -> Option<String> {
        let known = known_field(field).expect("a contact has this field");
        self.contact(id).and_then(|contact| (known.get)(&contact).map(str::to_owned))
    }

    /// The contact that is not deleted and has this `Person_Key__c`, without the effect of a fault.
    pub fn by_key(&self, key: &str) -> Option<SimulatedContact> {
        self.lock().by_key(key).cloned()
    }

    /// Who gave a field of a contact, by its name in the API, its value.
    ///
    /// # Panics
    /// When there is no such contact or field.
    pub fn set_by(&self, id: &str, field: &str) -> SetBy {
        let state = self.lock();
        let record = state.contacts.get(&full_id(id)).expect("the contact exists");
        let known = known_field(field).expect("a contact has this field");
        record.origins.set_by(known.name, (known.get)(&record.current))
    }

    /// Number of events that no call has taken yet.
    pub fn waiting_events(&self) -> usize {
        self.lock().events.len()
    }

    /// The events of all changes since the last call, also of those made over the API, in order.
    pub fn take_events(&self) -> Vec<NativeEvent> {
        std::mem::take(&mut self.lock().events)
    }

    /// The event of a transaction with too many changes: any contact may be another than before.
    pub fn overflow_event(&self) -> NativeEvent {
        gap_event(&["000000000000000AAA"], "GAP_OVERFLOW", self.lock().next_commit())
    }

    /// The event of a change whose values the CRM could not send.
    pub fn gap_event(&self, ids: &[&str]) -> NativeEvent {
        gap_event(ids, "GAP_UPDATE", self.lock().next_commit())
    }

    /// Records per page of a query from now on, in place of 2,000.
    pub fn set_page_size(&self, records: usize) {
        self.lock().page_size = records.max(1);
    }

    /// Allows this number of calls in total; further ones are refused with `REQUEST_LIMIT_EXCEEDED`.
    pub fn set_daily_calls(&self, calls: usize) {
        self.lock().daily_calls = calls;
    }

    /// Refuses all tokens issued so far.
    pub fn revoke_tokens(&self) {
        self.lock().tokens.clear();
    }

    /// Hides contacts from our user, as a sharing rule does, or shows them again. Events ignore it.
    pub fn set_hidden(&self, ids: &[String], hidden: bool) {
        let mut state = self.lock();
        for id in ids {
            if hidden {
                state.hidden.insert(full_id(id));
            } else {
                state.hidden.remove(&full_id(id));
            }
        }
    }

    /// Requests so far that would write, of one record or many, answered in whatever way.
    pub fn writes(&self) -> usize {
        self.lock().writes
    }

    /// Contacts created over the API so far.
    pub fn creations(&self) -> usize {
        self.lock().created.len()
    }

    /// The IDs of those.
    pub fn created(&self) -> Vec<String> {
        self.lock().created.clone()
    }

    fn present(&self, id: &str) -> SimulatedContact {
        let contact = self.contact(id).expect("the contact exists");
        assert!(!contact.is_deleted, "the contact is not deleted");
        contact
    }

    fn commit(&self, kind: ChangeKind, contact: SimulatedContact) -> ContactChange {
        assert!(contact.id.len() == 18 && contact.id.starts_with("003"), "{} is a contact's ID", contact.id);
        assert!(!contact.last_name.is_empty(), "a contact has a last name");
        let mut state = self.lock();
        let duplicate = (!contact.is_deleted).then(|| state.duplicate_of(&contact)).flatten();
        assert!(duplicate.is_none(), "Person_Key__c is unique");
        let change = state.commit(kind, contact, &mut Transaction::of_screen());
        if let Some(Record { current, previous: Some(before), origins }) =
            state.contacts.get_mut(&change.contact.id)
        {
            let changed = FIELDS.iter().filter(|field| (field.get)(before) != (field.get)(current));
            changed.for_each(|field| origins.user_changed(field.name));
        }
        change
    }
}
