//! Salesforce's contact, and its mapping to [`CrmContact`]. All fields but the ID may be missing.
//! <https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_contact.htm>

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;
use time::format_description::{StaticFormatDescription, well_known::Rfc3339};
use time::macros::format_description;

use crate::{CrmContact, MailingAddress};

/// Our key at Salesforce: a text field marked as external ID and unique.
pub(crate) const EXTERNAL_KEY: &str = "Person_Key__c";

/// The last name of a contact that is created while none is known, since Salesforce requires one. It has no meaning.
pub(crate) const NO_NAME: &str = "\u{2013}";

pub(crate) const FIELDS: [&str; 13] = [
    "Id",
    EXTERNAL_KEY,
    "FirstName",
    "LastName",
    "Email",
    "Phone",
    "Birthdate",
    "MailingStreet",
    "MailingCity",
    "MailingState",
    "MailingPostalCode",
    "MailingCountry",
    "SystemModstamp",
];

/// `2026-11-20T15:10:42.000+0000`: RFC 3339, except that the offset has no colon.
const SALESFORCE_TIME: StaticFormatDescription = format_description!(
    "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond][offset_hour sign:mandatory][offset_minute]"
);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SalesforceContact {
    pub(crate) id: String,
    #[serde(rename = "Person_Key__c")]
    external_key: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    birthdate: Option<String>,
    mailing_street: Option<String>,
    mailing_city: Option<String>,
    mailing_state: Option<String>,
    mailing_postal_code: Option<String>,
    mailing_country: Option<String>,
    #[serde(default, deserialize_with = "time")]
    system_modstamp: Option<OffsetDateTime>,
}

impl From<SalesforceContact> for CrmContact {
    fn from(contact: SalesforceContact) -> Self {
        let address = MailingAddress {
            street: contact.mailing_street,
            city: contact.mailing_city,
            region: contact.mailing_state,
            postal_code: contact.mailing_postal_code,
            country: contact.mailing_country,
        };
        Self {
            id: contact.id,
            external_key: contact.external_key,
            given_name: contact.first_name,
            family_name: contact.last_name.filter(|name| name != NO_NAME),
            email: contact.email,
            phone: contact.phone,
            birthdate: contact.birthdate,
            mailing_address: (!is_empty(&address)).then_some(address),
            version: contact.system_modstamp,
        }
    }
}

fn is_empty(address: &MailingAddress) -> bool {
    let MailingAddress { street, city, region, postal_code, country } = address;
    [street, city, region, postal_code, country].iter().all(|part| part.is_none())
}

pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    // Any other text is an error, since versions order records.
    OffsetDateTime::parse(&text, SALESFORCE_TIME)
        .or_else(|_| OffsetDateTime::parse(&text, &Rfc3339))
        .map(Some)
        .map_err(|_| D::Error::custom("not a time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(stamp: &str) -> Option<Option<OffsetDateTime>> {
        let json = format!(r#"{{"Id":"003","SystemModstamp":{stamp}}}"#);
        serde_json::from_str::<SalesforceContact>(&json).ok().map(|contact| contact.system_modstamp)
    }

    #[test]
    fn both_spellings_of_a_time_are_read() {
        let expected = Some(Some(OffsetDateTime::from_unix_timestamp(1_795_187_442).unwrap()));
        for stamp in
            ["2026-11-20T15:10:42.000+0000", "2026-11-20T16:10:42.000+0100", "2026-11-20T15:10:42.000Z"]
        {
            assert_eq!(version(&format!("{stamp:?}")), expected, "{stamp}");
        }
        assert_eq!(version("null"), Some(None));
        for stamp in [r#""yesterday""#, "7", r#""""#] {
            assert_eq!(version(stamp), None, "{stamp}");
        }
    }
}
