//! Which property of a record is which field of a person, by the names that APIs usually give to them. Pure. A guess is only made
//! where the name says it; a draft lists the rest.

use std::collections::BTreeMap;

use serde_json::Value;

use super::document::Document;

/// The fields of the built-in file, and the names that they have elsewhere, without separators and in lower case.
const FIELDS: [(&str, &[&str]); 6] = [
    (
        "given_name",
        &["givenname", "firstname", "forename", "namefirst", "namegiven", "namegivenname", "namefirstname"],
    ),
    (
        "family_name",
        &["familyname", "lastname", "surname", "namelast", "namefamily", "namefamilyname", "namelastname"],
    ),
    ("email", &["email", "emailaddress", "mail", "contactemail"]),
    ("phone", &["phone", "phonenumber", "mobile", "mobilephone", "telephone", "contactphone"]),
    ("birthdate", &["birthdate", "dateofbirth", "dob", "birthday"]),
    ("mailing_address", &["mailingaddress", "address", "postaladdress", "homeaddress"]),
];
const IDS: [&str; 5] = ["id", "personid", "userid", "uuid", "externalid"];
const VERSIONS: [&str; 8] = [
    "updatedat",
    "modifiedat",
    "lastmodified",
    "lastupdated",
    "updated",
    "modified",
    "lastmodifiedat",
    "dateupdated",
];

/// What the record's properties are taken for: paths by RFC 9535.
#[derive(Default)]
pub(super) struct Guessed {
    pub(super) map: BTreeMap<&'static str, String>,
    pub(super) id: Option<String>,
    /// The path, and the format.
    pub(super) version: Option<(String, &'static str)>,
    /// Further properties: which field they are is for a person to say.
    pub(super) rest: Vec<String>,
}

pub(super) fn guess(document: &Document, schema: &Value) -> Guessed {
    let mut guessed = Guessed::default();
    for (name, property) in document.properties(schema) {
        let path = member("$", name);
        if guessed.take(name, property, &path) {
            continue;
        }
        let parts = document.properties(property);
        let mut any = false;
        for (inner, part) in &parts {
            any |= guessed.take(&format!("{name}{inner}"), part, &member(&path, inner));
        }
        if !any {
            guessed.rest.push(path);
        }
    }
    guessed
}

impl Guessed {
    fn take(&mut self, name: &str, property: &Value, path: &str) -> bool {
        let plain = plain(name);
        if let Some((field, _)) = FIELDS.iter().find(|(_, names)| names.contains(&plain.as_str())) {
            if self.map.contains_key(field) {
                return false;
            }
            self.map.insert(field, path.to_owned());
            return true;
        }
        if IDS.contains(&plain.as_str()) && self.id.is_none() {
            self.id = Some(path.to_owned());
            return true;
        }
        let format = match (property["format"].as_str(), property["type"].as_str()) {
            (Some("date-time"), _) => "rfc3339",
            (_, Some("integer")) => "unix",
            _ => return false,
        };
        if VERSIONS.contains(&plain.as_str()) && self.version.is_none() {
            self.version = Some((path.to_owned(), format));
            return true;
        }
        false
    }
}

/// A path to a member, with brackets if its name is no plain word.
pub(super) fn member(of: &str, name: &str) -> String {
    let first = name.chars().next().is_some_and(|one| one.is_ascii_alphabetic() || one == '_');
    if first && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_') {
        format!("{of}.{name}")
    } else {
        format!("{of}['{}']", name.replace('\\', r"\\").replace('\'', r"\'"))
    }
}

/// A name without separators, in lower case.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|one| one.is_ascii_alphanumeric()).map(|one| one.to_ascii_lowercase()).collect()
}
