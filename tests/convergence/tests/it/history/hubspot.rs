//! Changes at HubSpot, whose simulator keeps the webhooks until they are sent on.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use simulators::hubspot::{HubSpotControl, KEY_PROPERTY, SimulatedContact};

use super::History;

impl History {
    pub(super) fn at_hubspot(&mut self, crm: &HubSpotControl) {
        let (id, email) = self.record();
        if self.has_ended(&id) {
            return;
        }
        let number: u64 = id.parse().unwrap();
        let Some(contact) = crm.contact(number) else {
            let key = self.key().filter(|key| crm.by_key(key).is_none());
            let mut contact = SimulatedContact::new(number);
            contact.properties.extend(key.map(|key| (KEY_PROPERTY.to_owned(), key)));
            if is_free(crm, number, &email) {
                contact = contact.with("email", &email);
            }
            crm.put_contact(contact);
            return;
        };
        if contact.archived_at.is_some() {
            let taken = contact.get(KEY_PROPERTY).is_some_and(|key| crm.by_key(key).is_some());
            if !taken && addresses(&contact).all(|address| is_free(crm, number, address)) {
                crm.restore(number);
            }
            return;
        }
        let living = |other: &String| {
            let other = crm.contact(other.parse().unwrap());
            other.filter(|other| other.archived_at.is_none()).map(|other| other.id)
        };
        let merge_with: Vec<u64> = self.others(&id).iter().filter_map(living).collect();
        match (self.rng.random_range(0..9), merge_with.choose(&mut self.rng).copied()) {
            (0 | 1, _) => crm.archive(number),
            (2, Some(other)) => {
                // Both are merged into a new contact.
                let left = crm.merge(number, other).id;
                self.end(&id);
                self.end(&other.to_string());
                self.records[self.focus.0].push(left.to_string());
            }
            (3, _) if self.rng.random_bool(0.3) => {
                self.end(&id);
                crm.purge(number);
            }
            (4 | 5, _) => {
                let city = self.city();
                crm.update(number, |contact| {
                    *contact = contact.clone().with("city", &city).with("home_town", &city);
                });
            }
            (6, _) => {
                let phone = self.phone();
                crm.update(number, |contact| *contact = contact.clone().with("phone", &phone));
            }
            _ if is_free(crm, number, &email) => {
                crm.update(number, |contact| *contact = contact.clone().with("email", &email));
            }
            _ => {}
        }
    }
}

fn addresses(contact: &SimulatedContact) -> impl Iterator<Item = &str> {
    contact.get("email").into_iter().chain(contact.additional_emails.iter().map(String::as_str))
}

/// Whether no other contact has the address: it is unique in an account.
fn is_free(crm: &HubSpotControl, id: u64, email: &str) -> bool {
    let contacts = crm.contacts();
    let others = contacts.iter().filter(|other| other.id != id);
    others.flat_map(addresses).all(|other| !other.eq_ignore_ascii_case(email))
}
