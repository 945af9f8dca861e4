//! What we push to a CRM, in terms that all CRMs share.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Values for one contact.
#[derive(Clone, PartialEq, Eq)]
pub struct ContactWrite {
    /// The CRM's ID of the contact, if it is known. `None`: the contact is found by `external_key`, or created.
    pub id: Option<String>,
    /// Our key of the person. A contact without it gets it.
    pub external_key: String,
    /// The values to write. `None` clears a field. A field that is not here stays as it is.
    pub fields: BTreeMap<ContactField, Option<String>>,
}

/// A field that we write. We do not write the postal address, because the CRM owns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactField {
    /// First name.
    GivenName,
    /// Last name. Salesforce requires one, so there it cannot be cleared.
    FamilyName,
    /// Address.
    Email,
    /// Phone number.
    Phone,
    /// Date of birth, `YYYY-MM-DD`.
    Birthdate,
}

/// The result of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactWritten {
    /// The CRM's ID of the contact.
    pub id: String,
    /// True if the contact did not exist before.
    pub created: bool,
    /// The fields whose values the CRM does not accept. All others are written.
    pub refused: Vec<RefusedField>,
}

/// A field whose value the CRM does not accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedField {
    /// The field.
    pub field: ContactField,
    /// The CRM's code, from a closed list of its connector.
    pub code: &'static str,
}

impl ContactField {
    /// The stable word: the same as when serialized.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Birthdate => "birthdate",
        }
    }
}

impl fmt::Debug for ContactWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The IDs and the fields' names, and no value.
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
