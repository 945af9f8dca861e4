//! One rule of a policy, and its text form.
//!
//! ```text
//! rule      = sources [" when " condition]
//! sources   = name | "newest of " name *("," name)      name = a role (sso, crm, identity, registry) or a source (auth0)
//! condition = "verified"
//! ```

use std::fmt;

use crate::{Field, Role, SourceRecord};

/// Which sources may give the value, and on which condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The sources.
    pub sources: Sources,
    /// The condition.
    pub condition: Option<Condition>,
}

/// The sources that a rule names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// A role or a source.
    One(String),
    /// The one of them that changed last.
    NewestOf(Vec<String>),
}

/// A condition on an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The source has verified it: see [`SourceRecord::vouches_for`].
    Verified,
}

impl Rule {
    pub(crate) fn admits(&self, record: &SourceRecord, field: &Field) -> bool {
        self.is_about(record) && self.condition_holds(record, field)
    }

    pub(crate) fn is_about(&self, record: &SourceRecord) -> bool {
        self.names().iter().any(|name| names(name, record))
    }

    pub(crate) fn condition_holds(&self, record: &SourceRecord, field: &Field) -> bool {
        self.condition.is_none_or(|Condition::Verified| record.vouches_for(field))
    }

    pub(crate) fn never_holds(&self, field: &str) -> bool {
        let verify_only_email =
            || self.names().iter().all(|name| matches!(name.as_str(), "sso" | "crm" | "registry"));
        self.condition == Some(Condition::Verified) && field != Field::email().as_str() && verify_only_email()
    }

    pub(crate) fn names(&self) -> &[String] {
        match &self.sources {
            Sources::One(name) => std::slice::from_ref(name),
            Sources::NewestOf(list) => list,
        }
    }
}

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

impl Rule {
    /// Reads a rule about roles and these sources.
    pub(crate) fn parse(text: &str, sources: &[&str]) -> Result<Self, String> {
        let name = |one: &str| name(one, text, sources);
        let (named, condition) = match text.split_once(" when ") {
            None => (text, None),
            Some((named, "verified")) => (named, Some(Condition::Verified)),
            Some((_, other)) => {
                return Err(format!(
                    "unknown condition {other:?} in rule {text:?}; the condition is verified"
                ));
            }
        };
        let sources = match named.strip_prefix("newest of ") {
            None => Sources::One(name(named)?),
            Some(list) => {
                let list: Result<Vec<String>, String> = list.split(',').map(name).collect();
                Sources::NewestOf(list?)
            }
        };
        Ok(Self { sources, condition })
    }
}

pub(crate) fn is_known(name: &str, sources: &[&str]) -> bool {
    name.parse::<Role>().is_ok() || sources.contains(&name)
}

fn name(text: &str, rule: &str, sources: &[&str]) -> Result<String, String> {
    let text = text.trim();
    // A rule with an unknown source would silently never hold.
    if is_known(text, sources) {
        return Ok(text.to_owned());
    }
    let named = if text == rule { format!("{text:?}") } else { format!("{text:?} in rule {rule:?}") };
    Err(format!("{named} {}", neither(sources)))
}

/// Why a name that is not [known](is_known) is refused.
pub(crate) fn unknown_name(name: &str, sources: &[&str]) -> String {
    format!("{name:?} {}", neither(sources))
}

fn neither(sources: &[&str]) -> String {
    let roles = Role::ALL.map(Role::as_str).join(", ");
    format!("is not a role ({roles}) or a source ({})", sources.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCES: [&str; 2] = ["auth0", "okta"];

    #[test]
    fn a_parsed_rule_prints_the_same_text() {
        for text in
            ["sso", "identity when verified", "newest of crm, sso", "newest of auth0, crm when verified"]
        {
            assert_eq!(Rule::parse(text, &SOURCES).unwrap().to_string(), text);
        }
    }

    #[test]
    fn any_other_text_is_refused_with_the_reason() {
        for (text, expected) in [
            ("", r#""" is not a role (sso, crm, identity, registry) or a source (auth0, okta)"#),
            ("the CRM", r#""the CRM" is not a role"#),
            ("the CRM when verified", r#""the CRM" in rule "the CRM when verified" is not a role"#),
            ("sso when new", r#"unknown condition "new" in rule "sso when new"; the condition is verified"#),
            ("newest of sso,", r#""" in rule "newest of sso," is not a role"#),
        ] {
            let error = Rule::parse(text, &SOURCES).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
