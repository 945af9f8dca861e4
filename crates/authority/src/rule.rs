//! One rule of a policy, and the text that it is written as.
//!
//! ```text
//! rule      = sources [" when " condition]
//! sources   = name | "newest of " name *("," name)      name = a role (sso, crm, identity) or a source (auth0)
//! condition = "verified"
//! ```

use std::fmt;
use std::str::FromStr;

use crate::{Field, Role, SourceRecord};

/// Whom to believe, on what condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Whom.
    pub sources: Sources,
    /// On what condition.
    pub condition: Option<Condition>,
}

/// Whom a rule believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// A role or a source.
    One(String),
    /// Whichever of them changed last.
    NewestOf(Vec<String>),
}

/// What a claim must fulfil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The source vouches for it: see [`SourceRecord::vouches_for`].
    Verified,
}

impl Rule {
    /// Whether the rule is about this record and takes its claim.
    #[must_use]
    pub(crate) fn admits(&self, record: &SourceRecord, field: Field) -> bool {
        self.is_about(record) && self.condition_holds(record, field)
    }

    /// Whether the rule names the record's source or role.
    pub(crate) fn is_about(&self, record: &SourceRecord) -> bool {
        self.names().iter().any(|name| names(name, record))
    }

    /// Whether the record's claim is as the rule wants it; nothing is wanted without a condition.
    pub(crate) fn condition_holds(&self, record: &SourceRecord, field: Field) -> bool {
        self.condition.is_none_or(|Condition::Verified| record.vouches_for(field))
    }

    /// Whether its condition can hold for none of those it names: see [`SourceRecord::vouches_for`].
    pub(crate) fn never_holds(&self, field: &str) -> bool {
        let vouch_for_email_alone = || self.names().iter().all(|name| matches!(name.as_str(), "sso" | "crm"));
        self.condition == Some(Condition::Verified)
            && field != Field::Email.as_str()
            && vouch_for_email_alone()
    }

    /// The names that it uses.
    pub(crate) fn names(&self) -> &[String] {
        match &self.sources {
            Sources::One(name) => std::slice::from_ref(name),
            Sources::NewestOf(list) => list,
        }
    }
}

/// Whether a name in a policy, a role or a source, is about this record.
pub(crate) fn names(name: &str, record: &SourceRecord) -> bool {
    name == record.role.as_str() || name == record.source
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sources {
            Sources::One(name) => f.write_str(name)?,
            Sources::NewestOf(list) => write!(f, "newest of {}", list.join(", "))?,
        }
        self.condition.map_or(Ok(()), |Condition::Verified| f.write_str(" when verified"))
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (sources, condition) = match text.split_once(" when ") {
            None => (text, None),
            Some((sources, "verified")) => (sources, Some(Condition::Verified)),
            Some((_, other)) => return Err(format!("no condition {other:?} in {text:?}: verified")),
        };
        let sources = match sources.strip_prefix("newest of ") {
            None => Sources::One(name(sources, text)?),
            Some(list) => {
                let list: Result<Vec<String>, String> = list.split(',').map(|one| name(one, text)).collect();
                Sources::NewestOf(list?)
            }
        };
        Ok(Self { sources, condition })
    }
}

/// The sources there are. A policy that names another would silently believe nobody.
const SOURCES: [&str; 6] = ["auth0", "okta", "scim", "salesforce", "stripe", "persona"];

/// Whether a name is a role's or a source's.
pub(crate) fn is_known(name: &str) -> bool {
    name.parse::<Role>().is_ok() || SOURCES.contains(&name)
}

fn name(text: &str, rule: &str) -> Result<String, String> {
    let text = text.trim();
    if !is_known(text) {
        return Err(format!("{text:?} in {rule:?} is no role and no source"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_written_as_it_is_read() {
        for text in
            ["sso", "identity when verified", "newest of crm, sso", "newest of auth0, crm when verified"]
        {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_else_says_what_is_wrong() {
        for (text, expected) in [
            ("", r#""" in "" is no role and no source"#),
            ("the CRM", r#""the CRM" in "the CRM" is no role and no source"#),
            ("sso when new", r#"no condition "new" in "sso when new": verified"#),
            ("newest of sso,", r#""" in "newest of sso," is no role and no source"#),
        ] {
            assert_eq!(text.parse::<Rule>().unwrap_err(), expected);
        }
    }
}
