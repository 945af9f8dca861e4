//! What we write to a CRM, in the words that all CRMs share.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Values for one contact.
#[derive(Clone, PartialEq, Eq)]
pub struct ContactWrite {
    /// The CRM's ID of the contact to change, where it is known. `None`: found by `external_key`, or made.
    pub id: Option<String>,
    /// Our key of the person, which the contact has or gets.
    pub external_key: String,
    /// What to write; `None` clears a field, a field that is not here stays as it is.
    pub fields: BTreeMap<ContactField, Option<String>>,
}

/// A field that we write. The postal address is not one: it is the CRM's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactField {
    /// First name.
    GivenName,
    /// Last name. Salesforce wants one, so there it cannot be cleared.
    FamilyName,
    /// Address.
    Email,
    /// Phone number.
    Phone,
    /// Date of birth, `YYYY-MM-DD`.
    Birthdate,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactWritten {
    /// The CRM's ID of the contact.
    pub id: String,
    /// It was not there before.
    pub created: bool,
}

impl fmt::Debug for ContactWrite {
    /// The IDs and the fields' names: no value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContactWrite")
            .field("id", &self.id)
            .field("external_key", &self.external_key)
            .field("fields", &self.fields.keys())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_which_fields_and_no_value() {
        let fields = BTreeMap::from([(ContactField::Email, Some("orla.fenn@example.org".into()))]);
        let write = ContactWrite { id: None, external_key: "P-7".into(), fields };
        assert_eq!(
            format!("{write:?}"),
            r#"ContactWrite { id: None, external_key: "P-7", fields: [Email] }"#
        );
    }
}
