//! A source's record of a person.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Field;

/// The kind of system that a source is. A policy can name all sources of a role at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// An identity provider.
    Sso,
    /// A CRM.
    Crm,
    /// An identity-verification provider.
    Identity,
    /// An internal system of record.
    Registry,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Sso, Self::Crm, Self::Identity, Self::Registry];

    /// Whether its records are accounts: with ways to sign in, and an administrator who may block them. They alone decide the
    /// status of a person. A record of any other role is only about a person, even if its source has users who sign in there.
    pub const fn has_accounts(self) -> bool {
        matches!(self, Self::Sso)
    }

    /// Whether a source of this role may accept our values. One that is believed about its own users or cases does not.
    pub const fn takes_pushes(self) -> bool {
        matches!(self, Self::Crm | Self::Registry)
    }

    /// The stable name, as in rows and policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sso => "sso",
            Self::Crm => "crm",
            Self::Identity => "identity",
            Self::Registry => "registry",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| format!("no role {text:?}: {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// One record of one source, as it is stored. Holds personal data: no `Debug`.
#[derive(Clone, PartialEq)]
pub struct SourceRecord {
    /// The source's name: `auth0`.
    pub source: String,
    /// That source's role.
    pub role: Role,
    /// The source's ID of the record.
    pub external_id: String,
    /// The source's own ordered version, where it has one.
    pub version_at: Option<OffsetDateTime>,
    /// The record. `None`: it is gone at its source.
    pub record: Option<Value>,
    /// Fields whose value is one that we pushed: an echo, and not an assertion of the source.
    pub echoes: BTreeSet<Field>,
}

impl SourceRecord {
    /// The record's value of a field. An empty text is no value.
    pub fn assertion(&self, field: &Field) -> Option<&Value> {
        let value = self.record.as_ref()?.get(field.as_str())?;
        let empty = value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
        (!empty).then_some(value)
    }

    /// The source's assertion for a field: the record's value, unless it is an echo.
    pub fn own_assertion(&self, field: &Field) -> Option<&Value> {
        self.assertion(field).filter(|_| !self.echoes.contains(field))
    }

    /// The time by which the newest of several records is found: the version, or when the case was opened.
    pub fn newest_by(&self) -> Option<OffsetDateTime> {
        // An identity-verification case has no version.
        let opened = || self.record.as_ref()?.get("opened_at")?.as_str();
        self.version_at.or_else(|| OffsetDateTime::parse(opened()?, &Rfc3339).ok())
    }

    /// Whether the source has verified its value.
    pub fn vouches_for(&self, field: &Field) -> bool {
        let text = |key| self.record.as_ref().and_then(|record| record.get(key));
        // A completed identity verification vouches for every field, another source for the address only.
        match self.role {
            Role::Identity => text("verification_status").and_then(Value::as_str) == Some("verified"),
            Role::Sso | Role::Crm | Role::Registry => {
                field == Field::email() && text("email_verified").and_then(Value::as_bool) == Some(true)
            }
        }
    }

    /// Whether an administrator of the source has blocked the person.
    pub fn blocked(&self) -> bool {
        self.record.as_ref().and_then(|record| record.get("blocked")).and_then(Value::as_bool) == Some(true)
    }
}
