//! The names of the fields of a person.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

/// A field for which sources have values, as the policy file names it. The text is the key in a source record and in a stored
/// profile. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Field(Arc<str>);

/// Keys of a source record that are no fields of a person, and the other columns of a person.
const RESERVED: [&str; 15] = [
    "id",
    "external_id",
    "external_key",
    "identities",
    "email_verified",
    "blocked",
    "verification_status",
    "opened_at",
    "decided_at",
    "person_id",
    "revision",
    "status",
    "merged_into",
    "created_at",
    "updated_at",
];

/// Postgres cuts the name of a column off after this.
const LONGEST: usize = 63;

impl Field {
    /// The e-mail address, by which records are linked. No other field has a meaning in the code.
    pub fn email() -> &'static Self {
        static EMAIL: LazyLock<Field> = LazyLock::new(|| Field("email".into()));
        &EMAIL
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Field {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Field> for String {
    fn from(field: Field) -> Self {
        field.as_str().to_owned()
    }
}

impl TryFrom<String> for Field {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_';
        let is_name = text.starts_with(|one: char| one.is_ascii_lowercase()) && text.chars().all(plain);
        if !is_name || text.len() > LONGEST {
            return Err(format!(
                "{text:?} cannot name a field: write 1 to {LONGEST} characters, a to z first, then a to z, 0 to 9 and _"
            ));
        }
        if RESERVED.contains(&text) {
            return Err(format!(
                "{text:?} cannot name a field: it has another meaning in a record or a person. Reserved are {}",
                RESERVED.join(", ")
            ));
        }
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_snake_case_and_not_reserved() {
        for name in ["email", "preferred_language", "line2", "x", &"a".repeat(63)] {
            assert_eq!(name.parse::<Field>().unwrap().as_str(), name);
        }
        let long = "a".repeat(64);
        let wrong = ["", "_a", "2nd", "Email", "e-mail", "straße", "a b", "a\"b", &long].into_iter();
        for name in wrong.chain(RESERVED) {
            let fault = name.parse::<Field>().unwrap_err();
            assert!(fault.starts_with(&format!("{name:?} cannot name a field: ")), "{fault}");
        }
    }

    #[test]
    fn a_field_is_serialized_as_its_name_and_checked_when_it_is_read() {
        assert_eq!(serde_json::to_string(Field::email()).unwrap(), r#""email""#);
        assert_eq!(serde_json::from_str::<Field>(r#""email""#).unwrap(), *Field::email());
        assert!(serde_json::from_str::<Field>(r#""blocked""#).is_err());
    }
}
