//! A contact of the account, and its JSON as the API gives it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The property with our key. The account defines it as unique.
pub const KEY_PROPERTY: &str = "coppice_person_key";

/// Properties that can be written.
pub(crate) const WRITABLE: [&str; 14] = [
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
    "lifecyclestage",
    // Defined by the account.
    "preferred_language",
    "home_town",
    KEY_PROPERTY,
];

/// Properties that the account sets.
pub(crate) const SYSTEM: [&str; 5] =
    ["createdate", "lastmodifieddate", "hs_object_id", "hs_merged_object_ids", "hs_additional_emails"];

/// What a reply has if the request names no properties.
pub(crate) const USUAL: [&str; 6] =
    ["createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"];

/// A contact. Every personal value is invented and unlikely to occur elsewhere, so that a leak can be searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedContact {
    /// `id` and `hs_object_id`.
    pub id: u64,
    /// The properties that have a value.
    pub properties: BTreeMap<String, String>,
    /// `hs_additional_emails`: the addresses that came with merges.
    pub additional_emails: BTreeSet<String>,
    /// `hs_merged_object_ids`: the contacts that were merged into this one.
    pub merged: BTreeSet<u64>,
    /// `createdAt`. Set by the simulator.
    pub created_at: OffsetDateTime,
    /// `updatedAt` and `lastmodifieddate`, in milliseconds. Set by the simulator.
    pub updated_at: OffsetDateTime,
    /// `archivedAt`. Set by the simulator. It alone moves when the contact is archived or restored.
    pub archived_at: Option<OffsetDateTime>,
}

impl SimulatedContact {
    /// A contact with marked personal values that are derived from the ID, and without our key.
    pub fn new(id: u64) -> Self {
        let values = [
            ("firstname", format!("Tamsin-{id}")),
            ("lastname", format!("Quillington-{id}")),
            ("email", format!("tamsin.{id}@members.example.org")),
            ("phone", format!("+1557{:07}", id % 10_000_000)),
            ("date_of_birth", format!("19{:02}-{:02}-{:02}", 31 + id % 50, 1 + id % 12, 1 + id % 28)),
            ("address", format!("{} Larkspur-{id} Row", 100 + id % 900)),
            ("city", format!("Wrenfield-{id}")),
            ("state", format!("Harrowmere-{id}")),
            ("zip", format!("QZ{id}")),
            ("country", format!("Ostrelle-{id}")),
        ];
        let properties = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { properties, ..Self::bare(id) }
    }

    /// A contact without a value.
    pub const fn bare(id: u64) -> Self {
        Self {
            id,
            properties: BTreeMap::new(),
            additional_emails: BTreeSet::new(),
            merged: BTreeSet::new(),
            created_at: OffsetDateTime::UNIX_EPOCH,
            updated_at: OffsetDateTime::UNIX_EPOCH,
            archived_at: None,
        }
    }

    /// The same contact with our key.
    #[must_use]
    pub fn with_person_key(self, key: &str) -> Self {
        self.with(KEY_PROPERTY, key)
    }

    /// The same contact with this value.
    #[must_use]
    pub fn with(mut self, property: &str, value: &str) -> Self {
        self.properties.insert(property.to_owned(), value.to_owned());
        self
    }

    /// A property's value.
    pub fn get(&self, property: &str) -> Option<&str> {
        self.properties.get(property).map(String::as_str)
    }

    /// The values that must be in no queue, internal event or log line.
    pub fn personal_values(&self) -> Vec<String> {
        let public = [KEY_PROPERTY, "lifecyclestage", "preferred_language"];
        let personal = self.properties.iter().filter(|(name, _)| !public.contains(&name.as_str()));
        personal.map(|(_, value)| value.clone()).collect()
    }

    /// Whether one of its addresses is this one, in any case.
    pub(crate) fn has_email(&self, email: &str) -> bool {
        let own = self.get("email").into_iter().chain(self.additional_emails.iter().map(String::as_str));
        own.into_iter().any(|own| own.eq_ignore_ascii_case(email))
    }

    /// A property's value, also one that the account sets.
    pub(crate) fn value(&self, property: &str) -> Option<String> {
        let joined = |all: Vec<String>| (!all.is_empty()).then(|| all.join(";"));
        match property {
            "hs_object_id" => Some(self.id.to_string()),
            "createdate" => Some(timestamp(self.created_at)),
            "lastmodifieddate" => Some(timestamp(self.updated_at)),
            "hs_merged_object_ids" => joined(self.merged.iter().map(u64::to_string).collect()),
            "hs_additional_emails" => joined(self.additional_emails.iter().cloned().collect()),
            other => self.get(other).map(str::to_owned),
        }
    }

    /// The record with these properties. A name that the account does not know is left out.
    pub(crate) fn to_json<'a>(&self, properties: impl IntoIterator<Item = &'a str>) -> Value {
        let known = |name: &&str| WRITABLE.contains(name) || SYSTEM.contains(name);
        let always = ["createdate", "hs_object_id", "lastmodifieddate"];
        let values: Map<String, Value> = always
            .into_iter()
            .chain(properties.into_iter().filter(known))
            .map(|name| (name.to_owned(), self.value(name).into()))
            .collect();
        let mut record = json!({
            "id": self.id.to_string(),
            "properties": values,
            "createdAt": timestamp(self.created_at),
            "updatedAt": timestamp(self.updated_at),
            "archived": self.archived_at.is_some(),
        });
        if let Some(at) = self.archived_at {
            record["archivedAt"] = timestamp(at).into();
        }
        record
    }
}

/// A time as the API writes it.
pub(crate) fn timestamp(time: OffsetDateTime) -> String {
    time.format(TIME).expect("the format names only parts that every time has")
}
