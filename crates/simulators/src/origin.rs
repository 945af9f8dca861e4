//! Who gave a contact's properties their values: the API's client or a user of the CRM.

use std::collections::{BTreeMap, BTreeSet};

/// Who gave a property its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetBy {
    /// The API's client.
    Client,
    /// A user of the CRM.
    User,
    /// A user, and the client had written the same value before. A client that reads now and then cannot tell the two apart.
    UserAfterClient,
}

/// What the client asked the CRM to store in one contact, by the API's name of the property. A lost reply does not matter: the value
/// is stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins {
    written: BTreeMap<String, BTreeSet<String>>,
    by_client: BTreeSet<String>,
}

impl Origins {
    pub(crate) fn client_wrote(&mut self, name: &str, value: Option<&str>) {
        let Some(value) = value else { return };
        self.written.entry(name.to_owned()).or_default().insert(value.to_owned());
        self.by_client.insert(name.to_owned());
    }

    pub(crate) fn user_changed(&mut self, name: &str) {
        self.by_client.remove(name);
    }

    /// `value`: the one that the property has now.
    pub(crate) fn set_by(&self, name: &str, value: Option<&str>) -> SetBy {
        let was_written = |value| self.written.get(name).is_some_and(|values| values.contains(value));
        match (self.by_client.contains(name), value) {
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
        let mut origins = Origins::default();
        let set_by = |origins: &Origins, phone| origins.set_by("Phone", Some(phone));
        assert_eq!(set_by(&origins, "+1"), SetBy::User);
        origins.client_wrote("Phone", Some("+2"));
        assert_eq!(set_by(&origins, "+2"), SetBy::Client);
        assert_eq!(origins.set_by("Email", Some("a@crm")), SetBy::User, "it was not written");
        origins.user_changed("Email");
        assert_eq!(set_by(&origins, "+2"), SetBy::Client, "the user changed another property");
        origins.user_changed("Phone");
        assert_eq!(set_by(&origins, "+3"), SetBy::User);
        origins.user_changed("Phone");
        assert_eq!(set_by(&origins, "+2"), SetBy::UserAfterClient);
        assert_eq!(origins.set_by("Phone", None), SetBy::User);
    }
}
