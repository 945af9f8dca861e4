//! HubSpot's contact, and its mapping to [`Record`]. All properties may be missing.
//! <https://developers.hubspot.com/docs/guides/api/crm/objects/contacts>, and for the names of the properties
//! <https://knowledge.hubspot.com/properties/hubspots-default-contact-properties>.

use provider_http::ProviderError;
use provider_http::json::{Fields, Json, needed};

use super::numeric_id::numeric_id;
use crate::record::{Record, address, assertions};

/// The properties with a contact's values.
pub(crate) const VALUES: [&str; 10] = [
    "firstname",
    "lastname",
    "email",
    "phone",
    "date_of_birth",
    "address",
    "city",
    "state",
    "zip",
    "country",
];

/// The contacts that were merged into this one, separated by semicolons.
pub(crate) const MERGED: &str = "hs_merged_object_ids";

/// The name of our key among fields that cannot be read. The property's own name is a setting.
const KEY: &str = "key property";

/// The property of a person's field.
pub(crate) fn property(field: &str) -> Option<&'static str> {
    Some(match field {
        "given_name" => "firstname",
        "family_name" => "lastname",
        "email" => EMAIL,
        "phone" => "phone",
        "birthdate" => "date_of_birth",
        _ => return None,
    })
}

/// The field that is read from a property, whole or in part.
pub(crate) fn field_of(property: &str) -> Option<&'static str> {
    Some(match property.to_ascii_lowercase().as_str() {
        "firstname" => "given_name",
        "lastname" => "family_name",
        EMAIL => "email",
        "phone" => "phone",
        "date_of_birth" => "birthdate",
        "address" | "city" | "state" | "zip" | "country" => "mailing_address",
        _ => return None,
    })
}

/// Where a record has a property.
pub(crate) fn pointer(property: &str) -> String {
    format!("/properties/{property}")
}

/// The address: the only one of [`VALUES`] that is unique.
pub(crate) const EMAIL: &str = "email";

/// The ID of a record. A record without one is refused.
pub(crate) fn id(record: &Json) -> Result<String, ProviderError> {
    let id = needed("id", record.at("id").id())?;
    numeric_id(&id).ok_or(ProviderError::Unreadable { field: "id" })
}

/// The contact of a record, whose ID is `id`. A record without `properties` is refused: it is no contact without values.
pub(crate) fn contact(id: &str, key_property: &str, record: &Json) -> Result<Record, ProviderError> {
    let properties = match record.at("properties").value() {
        Ok(Some(properties @ Json::Object(_))) => properties,
        _ => return Err(ProviderError::Unreadable { field: "properties" }),
    };
    let mut fields = Fields::default();
    let mut text = |name| fields.optional(name, properties.at(name).text());
    let parts = [
        ("street", text("address")),
        ("city", text("city")),
        ("region", text("state")),
        ("postal_code", text("zip")),
        ("country", text("country")),
    ];
    let (first_name, last_name) = (text("firstname"), text("lastname"));
    let (email, phone) = (text("email"), text("phone"));
    let birthdate = fields.optional("date_of_birth", properties.at("date_of_birth").date());
    let mut own = Record {
        version_at: fields.optional("updatedAt", record.at("updatedAt").time()),
        external_key: fields.optional(KEY, properties.at(key_property).id()),
        assertions: assertions([
            ("given_name", first_name),
            ("family_name", last_name),
            ("email", email),
            ("phone", phone),
            ("birthdate", birthdate.map(|date| date.to_string())),
        ]),
        unread: fields.unread(),
        ..Record::of(id.to_owned())
    };
    own.assertions.insert(String::from("mailing_address"), address(parts));
    Ok(own)
}

/// The IDs of the contacts that were merged into this one. What cannot be read counts as missing: those are read alone.
pub(crate) fn merged(record: &Json) -> Vec<String> {
    let ids = record.at("properties").at(MERGED).id().ok().flatten().unwrap_or_default();
    ids.split(';').filter_map(|id| numeric_id(id.trim())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn parse(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    fn read(properties: &str) -> Record {
        contact(
            "7001",
            "coppice_person_key",
            &parse(&format!(r#"{{"id":"7001","properties":{{{properties}}}}}"#)),
        )
        .unwrap()
    }

    #[test]
    fn a_contact_is_read_in_full_and_its_version_has_milliseconds() {
        let record = parse(
            r#"{"id":"7001","createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-05-01T10:00:00.120Z","archived":false,
                "properties":{"firstname":"Orla","lastname":"Fenn","email":"orla.fenn@example.org","phone":"+15550100177",
                "date_of_birth":"1988-04-09","address":"12 Quarry Lane","city":"Port Ellery","state":null,"zip":"00417",
                "country":"","coppice_person_key":"P-7","hs_merged_object_ids":null,"lifecyclestage":"lead"}}"#,
        );
        let assertions = json!({"given_name": "Orla", "family_name": "Fenn", "email": "orla.fenn@example.org",
            "phone": "+15550100177", "birthdate": "1988-04-09", "mailing_address": {"street": "12 Quarry Lane",
            "city": "Port Ellery", "region": null, "postal_code": "00417", "country": null}});
        let expected = Record {
            version_at: Some(datetime!(2026-05-01 10:00:00.120 UTC)),
            external_key: Some("P-7".into()),
            assertions: serde_json::from_value(assertions).unwrap(),
            ..Record::of("7001".into())
        };
        assert_eq!(contact("7001", "coppice_person_key", &record), Ok(expected));
        let other_key = contact("7001", "member_no", &record).unwrap();
        assert_eq!((other_key.external_key, other_key.unread), (None, vec![]));
    }

    #[test]
    fn each_value_that_is_read_is_of_the_field_that_is_pushed_to_it() {
        for value in VALUES {
            let field = field_of(value).unwrap();
            assert!(
                property(field).map_or(field == "mailing_address", |written| written == value),
                "{value}"
            );
        }
        assert_eq!(field_of("preferred_language"), None);
    }

    #[test]
    fn one_odd_value_costs_its_field_alone() {
        let contact = read(
            r#""FIRSTNAME":["Orla"],"lastname":"Fenn","email":{"x":1},"phone":15550100177,"coppice_person_key":731,
               "city":true,"country":"Lund","date_of_birth":"9 April 1988""#,
        );
        assert_eq!((contact.text("given_name"), contact.text("family_name")), (Some("Orla"), Some("Fenn")));
        assert_eq!(
            (contact.text("email"), contact.text("phone"), contact.external_key.as_deref()),
            (None, None, Some("731"))
        );
        assert_eq!(contact.assertions["mailing_address"]["country"], "Lund");
        assert_eq!(contact.unread, ["city", "date_of_birth", "email", "phone"]);
        let unread = read(r#""coppice_person_key":{"x":1}"#).unread;
        assert_eq!(unread, ["key property"]);
    }

    #[test]
    fn a_record_without_properties_or_with_another_id_is_no_contact() {
        for properties in ["", r#","properties":null"#, r#","properties":[]"#, r#","properties":"mara""#] {
            let record = parse(&format!(r#"{{"id":"7001"{properties}}}"#));
            let refused = Err(ProviderError::Unreadable { field: "properties" });
            assert_eq!(contact("7001", "k", &record), refused, "{properties}");
        }
        for record in ["{}", r#"{"id":null}"#, r#"{"id":"mara"}"#, r#"{"id":{}}"#, r#"{"id":""}"#, "[]", "7"]
        {
            assert_eq!(id(&parse(record)), Err(ProviderError::Unreadable { field: "id" }), "{record}");
        }
        assert_eq!(id(&parse(r#"{"id":7001}"#)).as_deref(), Ok("7001"));
    }

    #[test]
    fn merged_contacts_are_separated_by_semicolons() {
        let merged =
            |ids: &str| merged(&parse(&format!(r#"{{"properties":{{"hs_merged_object_ids":{ids}}}}}"#)));
        assert_eq!(merged(r#""7002;7003""#), ["7002", "7003"]);
        assert_eq!(merged("7002"), ["7002"]);
        for none in ["null", r#""""#, "{}", r#""mara""#] {
            assert!(merged(none).is_empty(), "{none}");
        }
    }
}
