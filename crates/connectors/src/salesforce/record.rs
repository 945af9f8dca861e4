//! Salesforce's contact, and its mapping to [`Record`]. All fields but the ID may be missing.
//! <https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_contact.htm>

use provider_http::ProviderError;
use provider_http::json::{Fields, Json, needed};

use super::contact_id::ContactId;
use crate::record::{Record, address, assertions};

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

pub(crate) const LAST_NAME: &str = "LastName";

/// The property of a person's field.
pub(crate) fn property(field: &str) -> Option<&'static str> {
    Some(match field {
        "given_name" => "FirstName",
        "family_name" => LAST_NAME,
        "email" => "Email",
        "phone" => "Phone",
        "birthdate" => "Birthdate",
        _ => return None,
    })
}

/// The field that is read from a property, whole or in part. Salesforce ignores the case of names.
pub(crate) fn field_of(property: &str) -> Option<&'static str> {
    let name = FIELDS.into_iter().find(|name| name.eq_ignore_ascii_case(property))?;
    Some(match name {
        "FirstName" => "given_name",
        LAST_NAME => "family_name",
        "Email" => "email",
        "Phone" => "phone",
        "Birthdate" => "birthdate",
        name if name.starts_with("Mailing") => "mailing_address",
        _ => return None,
    })
}

/// Where a record has a property.
pub(crate) fn pointer(property: &str) -> String {
    format!("/{property}")
}

/// Whether it has the form of an API name, and is none that each write has already. Salesforce ignores the case of names.
pub(crate) fn can_write(property: &str) -> bool {
    let formed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let ours = ["attributes", "Id", EXTERNAL_KEY].into_iter().any(|own| own.eq_ignore_ascii_case(property));
    !property.is_empty() && property.bytes().all(formed) && !ours
}

/// The contact with this ID. An answer about another one, or without an ID, is malformed.
pub(crate) fn contact(id: &ContactId, record: &Json) -> Result<Record, ProviderError> {
    let own = needed("Id", record.at("Id").id())?;
    if ContactId::parse(&own).as_ref() != Some(id) {
        return Err(ProviderError::WHOLE_REPLY_MALFORMED);
    }
    let mut fields = Fields::default();
    let mut text = |name| fields.optional(name, record.at(name).text());
    let parts = [
        ("street", text("MailingStreet")),
        ("city", text("MailingCity")),
        ("region", text("MailingState")),
        ("postal_code", text("MailingPostalCode")),
        ("country", text("MailingCountry")),
    ];
    let (first_name, last_name) = (text("FirstName"), text("LastName"));
    let (email, phone) = (text("Email"), text("Phone"));
    let birthdate = fields.optional("Birthdate", record.at("Birthdate").date());
    let mut own = Record {
        version_at: fields.optional("SystemModstamp", record.at("SystemModstamp").time()),
        external_key: fields.optional(EXTERNAL_KEY, record.at(EXTERNAL_KEY).id()),
        assertions: assertions([
            ("given_name", first_name),
            ("family_name", last_name.filter(|name| name != NO_NAME)),
            ("email", email),
            ("phone", phone),
            ("birthdate", birthdate.map(|date| date.to_string())),
        ]),
        unread: fields.unread(),
        ..Record::of(id.as_str().to_owned())
    };
    own.assertions.insert(String::from("mailing_address"), address(parts));
    Ok(own)
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    const ID: &str = "0035f00000AbCdEAAV";

    fn read(fields: &str) -> Result<Record, ProviderError> {
        let json: Json = serde_json::from_str(&format!(r#"{{"Id":"{ID}"{fields}}}"#)).unwrap();
        contact(&ContactId::parse(ID).unwrap(), &json)
    }

    #[test]
    fn each_value_that_is_read_is_of_the_field_that_is_pushed_to_it() {
        for value in FIELDS.into_iter().filter(|name| !["Id", EXTERNAL_KEY, "SystemModstamp"].contains(name))
        {
            let field = field_of(value).unwrap();
            assert!(
                property(field).map_or(field == "mailing_address", |written| written == value),
                "{value}"
            );
        }
        assert_eq!(field_of("mailingcity"), Some("mailing_address"));
        assert_eq!((field_of("Preferred_Language__c"), field_of("Id")), (None, None));
    }

    #[test]
    fn a_time_is_read_in_every_spelling_and_another_text_is_no_version() {
        let expected = Some(OffsetDateTime::from_unix_timestamp(1_795_187_442).unwrap());
        for stamp in [
            "2026-11-20T15:10:42.000+0000",
            "2026-11-20T16:10:42.000+0100",
            "2026-11-20T15:10:42.000Z",
            "2026-11-20 15:10:42",
        ] {
            assert_eq!(
                read(&format!(r#","SystemModstamp":"{stamp}""#)).unwrap().version_at,
                expected,
                "{stamp}"
            );
        }
        for stamp in [r#""yesterday""#, "7", "{}"] {
            let contact = read(&format!(r#","SystemModstamp":{stamp},"LastName":"Quill""#)).unwrap();
            assert_eq!(contact.version_at, None, "{stamp}");
            assert_eq!(contact.unread, ["SystemModstamp"], "{stamp}");
            assert_eq!(contact.text("family_name"), Some("Quill"));
        }
        assert!(read(r#","SystemModstamp":null"#).unwrap().unread.is_empty());
    }

    #[test]
    fn one_odd_value_costs_its_field_alone() {
        let contact = read(
            r#","firstname":["Orla"],"LASTNAME":"Fenn","Email":{"x":1},"Phone":15550100177,"Person_Key__c":731,
               "MailingCity":true,"MailingCountry":"Lund""#,
        )
        .unwrap();
        assert_eq!((contact.text("given_name"), contact.text("family_name")), (Some("Orla"), Some("Fenn")));
        assert_eq!(
            (contact.text("email"), contact.text("phone"), contact.external_key.as_deref()),
            (None, None, Some("731"))
        );
        assert_eq!(contact.assertions["mailing_address"]["country"], "Lund");
        assert_eq!(contact.unread, ["Email", "MailingCity", "Phone"]);
    }

    #[test]
    fn a_birthdate_is_a_date_or_cannot_be_read() {
        assert_eq!(read(r#","Birthdate":"1988-04-09""#).unwrap().text("birthdate"), Some("1988-04-09"));
        for odd in [r#""1988-02-30""#, r#""perhaps""#, r#"["1988-04-09","1988-04-10"]"#, "7"] {
            let contact = read(&format!(r#","Birthdate":{odd},"LastName":"Fenn""#)).unwrap();
            assert_eq!(contact.text("birthdate"), None, "{odd}");
            assert_eq!(contact.unread, ["Birthdate"], "{odd}");
            assert_eq!(contact.text("family_name"), Some("Fenn"));
        }
    }

    #[test]
    fn a_contact_without_its_id_is_refused() {
        let id = ContactId::parse(ID).unwrap();
        for json in ["{}", r#"{"Id":null}"#, r#"{"Id":{}}"#, r#"{"Id":""}"#, "[]", "7", r#""x""#] {
            let read = contact(&id, &serde_json::from_str(json).unwrap());
            assert_eq!(read, Err(ProviderError::Unreadable { field: "Id" }), "{json}");
        }
        for other in ["0035f00000AbCdFAAV", "mara", "7"] {
            let json = format!(r#"{{"Id":"{other}"}}"#);
            let read = contact(&id, &serde_json::from_str(&json).unwrap());
            assert_eq!(read, Err(ProviderError::WHOLE_REPLY_MALFORMED), "{other}");
        }
    }
}
