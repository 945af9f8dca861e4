//! What a field is: its type, who may see it, and which source wins.

use std::str::FromStr;

use phonenumber::country;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Rule;

/// The definition of a field, from the policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// What its values are.
    pub kind: FieldType,
    /// Who may see them.
    pub class: Class,
    /// The values that a code may have. Empty: any.
    pub values: Vec<String>,
    /// The region of phone numbers that have no country code.
    pub region: country::Id,
    pub(crate) from: Vec<Rule>,
    pub(crate) never: Vec<String>,
}

/// What the values of a field are. It decides which values can be used, which two count as equal, and the type of the column
/// in the view `person_profile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Any text.
    Text,
    /// An e-mail address. Its case makes no difference.
    Email,
    /// A phone number.
    Phone,
    /// A day: `YYYY-MM-DD`, also at the beginning of a time.
    Date,
    /// A postal address, taken as a whole: the street of one source is never combined with the city of another.
    Address,
    /// True or false.
    Boolean,
    /// A word of a list.
    Code,
    /// An ID in another system.
    Reference,
}

impl FieldType {
    /// Every type.
    pub const ALL: [Self; 8] = [
        Self::Text,
        Self::Email,
        Self::Phone,
        Self::Date,
        Self::Address,
        Self::Boolean,
        Self::Code,
        Self::Reference,
    ];

    /// The word in the policy file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Date => "date",
            Self::Address => "address",
            Self::Boolean => "boolean",
            Self::Code => "code",
            Self::Reference => "reference",
        }
    }
}

impl FromStr for FieldType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        named.ok_or_else(|| {
            format!("unknown type {text:?}; the types are {}", Self::ALL.map(Self::as_str).join(", "))
        })
    }
}

/// Who may see the values of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Everyone who may see the person.
    Public,
    /// An operator who looks at the person.
    #[default]
    Personal,
    /// An operator who asks for it: otherwise it is masked.
    Sensitive,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Public, Self::Personal, Self::Sensitive];

    /// The word in the policy file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Personal => "personal",
            Self::Sensitive => "sensitive",
        }
    }
}

impl FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|class| class.as_str() == text);
        named.ok_or_else(|| {
            format!("unknown class {text:?}; the classes are {}", Self::ALL.map(Self::as_str).join(", "))
        })
    }
}
