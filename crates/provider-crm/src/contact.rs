//! A contact in terms that all CRMs share.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A contact as its CRM says it is now. Serialized, it is the source record that we store and hash. `version` says when that
/// was, and has a column of its own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrmContact {
    /// The CRM's ID.
    pub id: String,
    /// Our key at the CRM: `Person_Key__c` at Salesforce.
    pub external_key: Option<String>,
    /// First name.
    pub given_name: Option<String>,
    /// Last name.
    pub family_name: Option<String>,
    /// Address, as the CRM spells it. It is not verified.
    pub email: Option<String>,
    /// Phone number, as the CRM spells it.
    pub phone: Option<String>,
    /// Date of birth, `YYYY-MM-DD`.
    pub birthdate: Option<String>,
    /// Postal address. `None`: no part of it is known.
    pub mailing_address: Option<MailingAddress>,
    /// When the CRM last changed the record. It orders versions.
    #[serde(skip)]
    pub version: Option<OffsetDateTime>,
    /// The CRM's names of the fields that are there and cannot be read. They count as missing.
    #[serde(skip)]
    pub unread: Vec<&'static str>,
}

/// A postal address, in the CRM's own spelling.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailingAddress {
    /// Street and number; may have several lines.
    pub street: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State or province.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country.
    pub country: Option<String>,
}

impl fmt::Debug for CrmContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The ID and the version only, so that a log line with a contact shows nothing personal.
        f.debug_struct("CrmContact")
            .field("id", &self.id)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MailingAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No field, since all of them are personal.
        f.debug_struct("MailingAddress").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact() -> CrmContact {
        let address = MailingAddress {
            street: Some("12 Quarry Lane".into()),
            city: Some("Port Ellery".into()),
            region: None,
            postal_code: Some("00417".into()),
            country: None,
        };
        CrmContact {
            id: "0035f00000AbCdEAAV".into(),
            external_key: Some("P-7".into()),
            given_name: Some("Orla".into()),
            family_name: Some("Fenn".into()),
            email: Some("orla.fenn@example.org".into()),
            phone: Some("+15550100177".into()),
            birthdate: Some("1988-04-09".into()),
            mailing_address: Some(address),
            version: Some(OffsetDateTime::UNIX_EPOCH),
            unread: vec![],
        }
    }

    #[test]
    fn debug_shows_the_id_and_the_version_only() {
        let text = format!("{:?} {:?}", contact(), contact().mailing_address);
        let expected = "CrmContact { id: \"0035f00000AbCdEAAV\", version: Some(1970-01-01 0:00:00.0 +00:00:00), .. } \
                        Some(MailingAddress { .. })";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_source_record_does_not_change_with_its_version() {
        let later = CrmContact { version: None, ..contact() };
        let (a, b) = (serde_json::to_string(&contact()).unwrap(), serde_json::to_string(&later).unwrap());
        assert_eq!(a, b);
        assert_eq!(serde_json::from_str::<CrmContact>(&a).unwrap(), later);
    }
}
