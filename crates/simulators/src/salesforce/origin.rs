//! Who gave a contact's fields their values: the API's client or a user of the CRM.

use std::collections::{BTreeMap, BTreeSet};

use super::contact::{FIELDS, SimulatedContact};

/// Who gave a field its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetBy {
    /// The API's client.
    Client,
    /// A user of the CRM.
    User,
    /// A user, and the client had written the same value before. A client that reads now and then cannot tell the two apart.
    UserAfterClient,
}

/// What the client asked the org to store in one contact. A lost reply does not matter: the value is stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins {
    /// By the API's name of the field.
    written: BTreeMap<&'static str, BTreeSet<String>>,
    by_client: BTreeSet<&'static str>,
}

impl Origins {
    pub(crate) fn client_wrote(&mut self, contact: &SimulatedContact, names: impl Fn(&str) -> bool) {
        for field in FIELDS.iter().filter(|field| names(field.name)) {
            let Some(value) = (field.get)(contact) else { continue };
            self.written.entry(field.name).or_default().insert(value.to_owned());
            self.by_client.insert(field.name);
        }
    }

    pub(crate) fn user_changed(&mut self, before: &SimulatedContact, after: &SimulatedContact) {
        let changed = FIELDS.iter().filter(|field| (field.get)(before) != (field.get)(after));
        for field in changed {
            self.by_client.remove(field.name);
        }
    }

    pub(crate) fn set_by(&self, contact: &SimulatedContact, name: &str) -> SetBy {
        let field = FIELDS.iter().find(|field| field.name == name).expect("a contact has this field");
        let was_written = |value| self.written.get(name).is_some_and(|values| values.contains(value));
        match (self.by_client.contains(name), (field.get)(contact)) {
            (true, _) => SetBy::Client,
            (false, Some(value)) if was_written(value) => SetBy::UserAfterClient,
            (false, _) => SetBy::User,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_belongs_to_the_last_who_set_it() {
        let contact = |phone: &str| SimulatedContact {
            phone: Some(phone.to_owned()),
            ..SimulatedContact::new("003000000000001AAA")
        };
        let mut origins = Origins::default();
        let set_by = |origins: &Origins, phone| origins.set_by(&contact(phone), "Phone");
        assert_eq!(set_by(&origins, "+1"), SetBy::User);
        origins.client_wrote(&contact("+2"), |name| name == "Phone");
        assert_eq!(set_by(&origins, "+2"), SetBy::Client);
        assert_eq!(origins.set_by(&contact("+2"), "Email"), SetBy::User, "it was not written");
        origins.user_changed(&contact("+2"), &SimulatedContact { email: None, ..contact("+2") });
        assert_eq!(set_by(&origins, "+2"), SetBy::Client, "the user changed another field");
        origins.user_changed(&contact("+2"), &contact("+3"));
        assert_eq!(set_by(&origins, "+3"), SetBy::User);
        origins.user_changed(&contact("+3"), &contact("+2"));
        assert_eq!(set_by(&origins, "+2"), SetBy::UserAfterClient);
    }
}
