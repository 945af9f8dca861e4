//! The fields of a person's profile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A field for which sources have values. The text is the column's name and the key in a source record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// E-mail address. The profile also stores whether it is verified.
    Email,
    /// Phone number, as its source spells it.
    Phone,
    /// First name.
    GivenName,
    /// Last name.
    FamilyName,
    /// Display name.
    DisplayName,
    /// Date of birth, `YYYY-MM-DD`.
    Birthdate,
    /// Postal address, taken as a whole: the street of one source is never combined with the city of another.
    MailingAddress,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 7] = [
        Self::Email,
        Self::Phone,
        Self::GivenName,
        Self::FamilyName,
        Self::DisplayName,
        Self::Birthdate,
        Self::MailingAddress,
    ];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::DisplayName => "display_name",
            Self::Birthdate => "birthdate",
            Self::MailingAddress => "mailing_address",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = || Self::ALL.map(Self::as_str).join(", ");
        Self::ALL
            .into_iter()
            .find(|field| field.as_str() == text)
            .ok_or_else(|| format!("unknown field {text:?}; the fields are {}", known()))
    }
}
