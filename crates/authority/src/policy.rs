//! The policy: which source wins for each field. A TOML file; `default-policy.toml` is the default and the
//! documentation. All faults of a file are listed at once.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::rule::{is_known, names, unknown_name};
use crate::{Field, Rule, SourceRecord};

const DEFAULT: &str = include_str!("default-policy.toml");

/// Which source wins for each field. Complete: every field has an entry.
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

// `expecting`: an error names the form of the file, never a type of this crate.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "tables `fields`, `crm` and `linking`")]
struct File {
    fields: BTreeMap<String, FieldFile>,
    #[serde(default)]
    crm: CrmFile,
    #[serde(default)]
    linking: LinkingFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with `from` and, if wanted, `never`")]
struct FieldFile {
    from: Vec<String>,
    #[serde(default)]
    never: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, expecting = "a table with `push`")]
struct CrmFile {
    #[serde(default)]
    push: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, expecting = "a table with `trusted_email_from`")]
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
            toml::from_str(text).map_err(|error| PolicyError { faults: vec![with_place(&error, text)] })?;
        let mut faults = Vec::new();
        let mut fields = BTreeMap::new();
        for (name, rules) in &file.fields {
            let field = name.parse::<Field>().map_err(|error| faults.push(format!("fields: {error}")));
            let own = read_rules(name, rules, &mut faults);
            fields.extend(field.ok().map(|field| (field, own)));
        }
        for field in Field::ALL {
            // A field that is not mentioned would silently have no value.
            if !fields.contains_key(&field) {
                faults.push(format!("fields.{field}: missing; write `from = []` if no source may give it"));
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
    pub fn pushes(&self, field: Field) -> bool {
        self.push.contains(&field)
    }

    /// Whether a record's address counts as verified, for linking.
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
            faults.push(format!("fields.{name}: {:?} is in both `from` and `never`", rule.to_string()));
        }
    }
    FieldPolicy { from, never: file.never.clone() }
}

fn unknown<'a>(names: &'a [String], place: &'a str) -> impl Iterator<Item = String> + 'a {
    let unknown = names.iter().filter(|name| !is_known(name));
    unknown.map(move |name| format!("{place}: {}", unknown_name(name)))
}

/// The fault with its line and column, both from 1.
fn with_place(error: &toml::de::Error, text: &str) -> String {
    let message = error.message();
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return message.to_owned();
    };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|one| *one != '\n').count() + 1;
    format!("line {line}, column {column}: {message}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Role;

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
            r#"fields.email: unknown condition "new" in rule "sso when new""#,
            r#"fields.email: "crm" is listed twice"#,
            r#"fields.email: "crm" is in both `from` and `never`"#,
            r#"fields: unknown field "shoe_size""#,
            r#"fields.email.never: "the CRM" is not a role (sso, crm, identity) or a source (auth0, "#,
            r#"fields.birthdate: "sso when verified" never holds"#,
            r#"fields.birthdate: "ss0" in rule "newest of ss0, crm" is not a role"#,
            r#"linking.trusted_email_from: "CRM" is not a role"#,
            "fields.phone: missing",
            "crm.push: mailing_address cannot be written",
            r#"crm.push: unknown field "hat""#,
        ] {
            assert!(faults.contains(expected), "{expected}\nin {faults}");
        }
    }

    #[test]
    fn an_address_counts_as_verified_if_its_source_says_so_or_the_policy_trusts_the_source() {
        let text = DEFAULT.replace("trusted_email_from = []", r#"trusted_email_from = ["okta", "crm"]"#);
        let policy = Policy::parse(&text).unwrap();
        for (source, role, verified, expected) in [
            ("auth0", Role::Sso, true, true),
            ("auth0", Role::Sso, false, false),
            ("okta", Role::Sso, false, true),
            ("salesforce", Role::Crm, false, true),
        ] {
            let record = SourceRecord {
                source: source.to_owned(),
                role,
                external_id: String::from("1"),
                version_at: None,
                record: Some(json!({"email": "a@example.org", "email_verified": verified})),
                echoes: BTreeSet::new(),
            };
            assert_eq!(policy.trusts_email_of(&record), expected, "{source}, verified: {verified}");
        }
    }

    #[test]
    fn a_file_of_another_form_is_refused_with_line_and_column() {
        for (text, place) in [
            ("fields = 7", "line 1, column 10: "),
            ("[fields]\n[crn]\npush = []", "line 2, column 2: "),
            ("[fields.email]\n\nfrom = \"sso\"", "line 3, column 8: "),
            ("[fields.email]\nfrom = [\"é\", 7]", "line 2, column 14: "),
        ] {
            let error = Policy::parse(text).unwrap_err();
            assert!(error.faults[0].starts_with(place), "{text:?}: {error}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(Policy::parse("[fields]\n[crn]\npush = []").is_err());
    }
}
