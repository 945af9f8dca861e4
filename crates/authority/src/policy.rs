//! The policy: for each field, which sources are believed. A TOML file; `default-policy.toml` is the default and the
//! documentation. All faults of a file are listed at once.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::rule::{is_known, names};
use crate::{Field, Rule, SourceRecord};

const DEFAULT: &str = include_str!("default-policy.toml");

/// Which sources are believed about which field. Complete: every field has an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    fields: BTreeMap<Field, FieldPolicy>,
    push: BTreeSet<Field>,
    trusted_email_from: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FieldPolicy {
    from: Vec<Rule>,
    never: Vec<String>,
}

/// Why a file is not a policy: each fault with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy cannot be used:\n  {}", faults.join("\n  "))]
pub struct PolicyError {
    /// At least one.
    pub faults: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    fields: BTreeMap<String, FieldFile>,
    #[serde(default)]
    crm: CrmFile,
    #[serde(default)]
    linking: LinkingFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldFile {
    from: Vec<String>,
    #[serde(default)]
    never: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct CrmFile {
    #[serde(default)]
    push: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct LinkingFile {
    #[serde(default)]
    trusted_email_from: Vec<String>,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyError`] with every fault.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let file: File =
            toml::from_str(text).map_err(|error| PolicyError { faults: vec![error.message().to_owned()] })?;
        let mut faults = Vec::new();
        let mut fields = BTreeMap::new();
        for (name, rules) in &file.fields {
            let field = name.parse::<Field>().map_err(|error| faults.push(format!("fields: {error}")));
            let own = read_rules(name, rules, &mut faults);
            fields.extend(field.ok().map(|field| (field, own)));
        }
        for field in Field::ALL {
            // A field that is not mentioned would silently have no value.
            if !fields.contains_key(&field) && !file.fields.contains_key(field.as_str()) {
                faults.push(format!("fields.{field}: missing; write `from = []` if no source is believed"));
            }
        }
        let mut push = BTreeSet::new();
        for name in &file.crm.push {
            match name.parse::<Field>() {
                Ok(Field::MailingAddress | Field::DisplayName) => {
                    faults.push(format!("crm.push: {name} cannot be written to a CRM"));
                }
                Ok(field) => drop(push.insert(field)),
                Err(error) => faults.push(format!("crm.push: {error}")),
            }
        }
        let trusted_email_from = file.linking.trusted_email_from;
        faults.extend(unknown(&trusted_email_from, "linking.trusted_email_from"));
        if faults.is_empty() {
            Ok(Self { fields, push, trusted_email_from })
        } else {
            Err(PolicyError { faults })
        }
    }

    pub(crate) fn rules(&self, field: Field) -> &[Rule] {
        self.fields.get(&field).map_or(&[], |own| &own.from)
    }

    pub(crate) fn excludes(&self, field: Field, record: &SourceRecord) -> bool {
        self.fields.get(&field).is_some_and(|own| own.never.iter().any(|name| names(name, record)))
    }

    /// Whether this field is pushed to the CRM.
    #[must_use]
    pub fn pushes(&self, field: Field) -> bool {
        self.push.contains(&field)
    }

    /// Whether a record's address counts as verified, for linking.
    #[must_use]
    pub fn trusts_email_of(&self, record: &SourceRecord) -> bool {
        record.vouches_for(Field::Email) || self.trusted_email_from.iter().any(|name| names(name, record))
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::parse(DEFAULT).unwrap_or_else(|error| unreachable!("the default is tested: {error}"))
    }
}

fn read_rules(name: &str, file: &FieldFile, faults: &mut Vec<String>) -> FieldPolicy {
    let mut from = Vec::new();
    for text in &file.from {
        match text.parse::<Rule>() {
            Ok(rule) if from.contains(&rule) => {
                faults.push(format!("fields.{name}: {text:?} is listed twice"));
            }
            Ok(rule) => from.push(rule),
            Err(error) => faults.push(format!("fields.{name}: {error}")),
        }
    }
    faults.extend(unknown(&file.never, &format!("fields.{name}.never")));
    for rule in &from {
        if rule.never_holds(name) {
            faults.push(format!(
                "fields.{name}: {:?} never holds: sso and crm verify only email",
                rule.to_string()
            ));
        }
        if rule.names().iter().all(|one| file.never.contains(one)) {
            // `never` wins, so such a rule would be dead.
            faults.push(format!("fields.{name}: {:?} is both believed and never believed", rule.to_string()));
        }
    }
    FieldPolicy { from, never: file.never.clone() }
}

fn unknown<'a>(names: &'a [String], place: &'a str) -> impl Iterator<Item = String> + 'a {
    let unknown = names.iter().filter(|name| !is_known(name));
    unknown.map(move |name| format!("{place}: {name:?} is neither a role nor a source"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_has_rules_for_every_field() {
        let policy = Policy::default();
        for field in Field::ALL {
            assert!(!policy.rules(field).is_empty(), "{field}");
        }
        assert!(policy.pushes(Field::Email) && !policy.pushes(Field::MailingAddress));
    }

    #[test]
    fn every_fault_is_listed_at_once() {
        let text = r#"
            [fields.email]
            from = ["sso when new", "crm", "crm"]
            never = ["crm", "the CRM"]
            [fields.birthdate]
            from = ["sso when verified", "newest of ss0, crm"]
            [fields.shoe_size]
            from = []
            [crm]
            push = ["mailing_address", "hat"]
            [linking]
            trusted_email_from = ["CRM"]
        "#;
        let faults = Policy::parse(text).unwrap_err().to_string();
        for expected in [
            r#"fields.email: no condition "new""#,
            r#"fields.email: "crm" is listed twice"#,
            r#"fields.email: "crm" is both believed and never believed"#,
            r#"fields: no field "shoe_size""#,
            r#"fields.email.never: "the CRM" is neither a role nor a source"#,
            r#"fields.birthdate: "sso when verified" never holds"#,
            r#"fields.birthdate: "ss0" in "newest of ss0, crm" is neither a role nor a source"#,
            r#"linking.trusted_email_from: "CRM" is neither a role nor a source"#,
            "fields.phone: missing",
            "crm.push: mailing_address cannot be written",
            r#"crm.push: no field "hat""#,
        ] {
            assert!(faults.contains(expected), "{expected}\nin {faults}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(Policy::parse("[fields]\n[crn]\npush = []").is_err());
    }
}
