//! Changes at Salesforce, whose simulator delivers its events itself.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use simulators::salesforce::{SalesforceControl, SimulatedContact};

use super::History;

impl History {
    pub(super) fn at_salesforce(&mut self, crm: &SalesforceControl) {
        let (id, email) = self.record();
        let id = &id;
        let Some(contact) = crm.contact(id) else {
            let mut contact = SimulatedContact::new(id);
            contact.person_key = self.key().filter(|key| crm.by_key(key).is_none());
            contact.email = Some(email);
            crm.put_contact(contact);
            return;
        };
        if contact.is_deleted {
            let taken = contact.person_key.as_deref().is_some_and(|key| crm.by_key(key).is_some());
            if !taken {
                crm.undelete(id);
            }
            return;
        }
        let mut merge_with = self.others(id);
        merge_with.retain(|other| crm.contact(other).is_some_and(|other| !other.is_deleted));
        match (self.rng.random_range(0..7), merge_with.choose(&mut self.rng)) {
            (0, _) => drop(crm.delete(id)),
            (1, Some(loser)) => drop(crm.merge(id, loser)),
            (2 | 3, _) => {
                let city = self.city();
                let change = |contact: &mut SimulatedContact| {
                    contact.home_town = Some(city.clone());
                    contact.mailing_city = Some(city);
                };
                crm.update(id, change);
            }
            _ => drop(crm.update(id, |contact| contact.email = Some(email))),
        }
    }
}
