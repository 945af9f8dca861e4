//! A contact of the org, and its JSON as the REST API gives it.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// The REST API writes times in UTC with milliseconds and an offset without a colon.
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]+0000");

/// A contact. Every personal value is invented and unlikely to occur elsewhere, so that a leak can be searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedContact {
    /// `Id`: 18 characters that begin with `003`; see [`contact_id`].
    pub id: String,
    /// `Person_Key__c`: our key, unique among contacts that are not deleted.
    pub person_key: Option<String>,
    /// `FirstName`.
    pub first_name: Option<String>,
    /// `LastName`, the one field that Salesforce insists on.
    pub last_name: String,
    /// `Email`.
    pub email: Option<String>,
    /// `Phone`.
    pub phone: Option<String>,
    /// `Birthdate`: `1988-04-09`.
    pub birthdate: Option<String>,
    /// `Preferred_Language__c`: a field that the org has added.
    pub preferred_language: Option<String>,
    /// `Home_Town__c`: another one.
    pub home_town: Option<String>,
    /// `MailingStreet`.
    pub mailing_street: Option<String>,
    /// `MailingCity`.
    pub mailing_city: Option<String>,
    /// `MailingState`.
    pub mailing_state: Option<String>,
    /// `MailingPostalCode`.
    pub mailing_postal_code: Option<String>,
    /// `MailingCountry`.
    pub mailing_country: Option<String>,
    /// `CreatedDate`. Set by the simulator.
    pub created_date: OffsetDateTime,
    /// `SystemModstamp`, in whole seconds. Set by the simulator: never falls.
    pub system_modstamp: OffsetDateTime,
    /// `IsDeleted`: in the recycle bin. Set by the simulator.
    pub is_deleted: bool,
    /// `MasterRecordId`: the winner, for the loser of a merge. Set by the simulator.
    pub master_record_id: Option<String>,
}

pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// Its name in events, with that of the compound it is part of.
    pub(crate) in_events: &'static str,
    pub(crate) max_length: usize,
    pub(crate) get: fn(&SimulatedContact) -> Option<&str>,
    pub(crate) set: fn(&mut SimulatedContact, Option<String>),
}

macro_rules! field {
    ($name:literal, $in_events:literal, $max:literal, $member:ident) => {
        Field {
            name: $name,
            in_events: $in_events,
            max_length: $max,
            get: |contact| contact.$member.as_deref(),
            set: |contact, value| contact.$member = value,
        }
    };
}

/// Where the one version of the API is.
pub(crate) const BASE: &str = "/services/data/v60.0/";

pub(crate) const KEY: &str = "Person_Key__c";

/// The fields that can be written, by their API names and with their lengths. The first is our key, all others are
/// personal.
pub(crate) const FIELDS: &[Field] = &[
    field!("Person_Key__c", "Person_Key__c", 64, person_key),
    field!("FirstName", "Name.FirstName", 40, first_name),
    Field {
        name: "LastName",
        in_events: "Name.LastName",
        max_length: 80,
        get: |contact| Some(&contact.last_name),
        set: |contact, value| contact.last_name = value.unwrap_or_default(),
    },
    field!("Email", "Email", 80, email),
    field!("Phone", "Phone", 40, phone),
    field!("Birthdate", "Birthdate", 10, birthdate),
    field!("Preferred_Language__c", "Preferred_Language__c", 5, preferred_language),
    field!("Home_Town__c", "Home_Town__c", 40, home_town),
    field!("MailingStreet", "MailingAddress.Street", 255, mailing_street),
    field!("MailingCity", "MailingAddress.City", 40, mailing_city),
    field!("MailingState", "MailingAddress.State", 80, mailing_state),
    field!("MailingPostalCode", "MailingAddress.PostalCode", 20, mailing_postal_code),
    field!("MailingCountry", "MailingAddress.Country", 80, mailing_country),
];

pub(crate) const SYSTEM_FIELDS: &[&str] =
    &["Id", "IsDeleted", "MasterRecordId", "Name", "CreatedDate", "LastModifiedDate", "SystemModstamp"];

impl SimulatedContact {
    /// A contact with marked personal values that are derived from the ID, and without our key.
    pub fn new(id: &str) -> Self {
        let tag = id.get(5..15).unwrap_or(id).to_lowercase();
        let number = checksum(id);
        Self {
            first_name: Some(format!("Tamsin-{tag}")),
            email: Some(format!("tamsin.{tag}@members.example.org")),
            phone: Some(format!("+1556{:07}", number % 10_000_000)),
            birthdate: Some(format!(
                "19{:02}-{:02}-{:02}",
                31 + number % 50,
                1 + number % 12,
                1 + number / 12 % 28
            )),
            mailing_street: Some(format!("{} Larkspur-{tag} Row", 100 + number % 900)),
            mailing_city: Some(format!("Wrenfield-{tag}")),
            mailing_state: Some(format!("Harrowmere-{tag}")),
            mailing_postal_code: Some(format!("QZ{tag}")),
            mailing_country: Some(format!("Ostrelle-{tag}")),
            ..Self::bare(id.to_owned(), format!("Quillington-{tag}"))
        }
    }

    /// A contact of this name and nothing else.
    pub(crate) fn bare(id: String, last_name: String) -> Self {
        Self {
            id,
            person_key: None,
            first_name: None,
            last_name,
            email: None,
            phone: None,
            birthdate: None,
            preferred_language: None,
            home_town: None,
            mailing_street: None,
            mailing_city: None,
            mailing_state: None,
            mailing_postal_code: None,
            mailing_country: None,
            created_date: OffsetDateTime::UNIX_EPOCH,
            system_modstamp: OffsetDateTime::UNIX_EPOCH,
            is_deleted: false,
            master_record_id: None,
        }
    }

    /// The same contact with our key.
    #[must_use]
    pub fn with_person_key(self, key: &str) -> Self {
        Self { person_key: Some(key.to_owned()), ..self }
    }

    /// The values that must be in no queue, internal event or log line.
    pub fn personal_values(&self) -> Vec<String> {
        let personal = FIELDS.iter().filter(|field| field.name != KEY);
        personal.filter_map(|field| (field.get)(self)).map(str::to_owned).collect()
    }

    /// The body of `GET sobjects/Contact/{id}`.
    pub fn to_json(&self) -> Value {
        self.select(SYSTEM_FIELDS.iter().copied().chain(FIELDS.iter().map(|field| field.name)))
    }

    pub(crate) fn select<'a>(&self, fields: impl IntoIterator<Item = &'a str>) -> Value {
        let mut body = Map::new();
        let url = format!("{BASE}sobjects/Contact/{}", self.id);
        body.insert("attributes".into(), json!({ "type": "Contact", "url": url }));
        for name in fields {
            body.insert(name.to_owned(), self.value(name).unwrap_or_default());
        }
        Value::Object(body)
    }

    /// A field's value; `None` when there is no such field.
    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Id" => self.id.clone().into(),
            "IsDeleted" => self.is_deleted.into(),
            "MasterRecordId" => self.master_record_id.clone().into(),
            "Name" => {
                let parts = self.first_name.as_deref().into_iter().chain([self.last_name.as_str()]);
                parts.collect::<Vec<_>>().join(" ").into()
            }
            "CreatedDate" => timestamp(self.created_date).into(),
            "LastModifiedDate" | "SystemModstamp" => timestamp(self.system_modstamp).into(),
            _ => (field(name)?.get)(self).map(str::to_owned).into(),
        })
    }
}

/// The field of this API name that can be written.
pub(crate) fn field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

/// Whether there is a field of this API name.
pub(crate) fn is_field(name: &str) -> bool {
    SYSTEM_FIELDS.contains(&name) || field(name).is_some()
}

/// A time as the REST API writes it.
pub(crate) fn timestamp(time: OffsetDateTime) -> String {
    time.format(TIME).expect("the format names only parts that every time has")
}

/// The 18-character ID of contact number `number`.
pub fn contact_id(number: u64) -> String {
    full_id(&format!("0039x{number:010}"))
}

/// The 18-character form of a 15-character ID: the ID, and three characters that say which of its characters are capitals.
/// Any other ID stays as it is.
pub(crate) fn full_id(id: &str) -> String {
    if id.len() != 15 || !id.is_ascii() {
        return id.to_owned();
    }
    let capitals = |five: &[u8]| {
        let bit = |(place, byte): (usize, &u8)| usize::from(byte.is_ascii_uppercase()) << place;
        five.iter().enumerate().map(bit).sum::<usize>()
    };
    let suffix =
        id.as_bytes().chunks(5).map(|five| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[capitals(five)]));
    id.chars().chain(suffix).collect()
}

fn checksum(text: &str) -> u64 {
    text.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}
