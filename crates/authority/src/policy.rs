//! The policy: the fields of a person, and which source wins for each. A TOML file, laid over `default-policy.toml`, which is
//! the default and the documentation. All faults of a file are listed at once.

use std::collections::{BTreeMap, BTreeSet};

use phonenumber::country;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::definition::{Class, Definition, FieldType};
use crate::rule::{is_known, names, unknown_name};
use crate::{Field, Role, Rule, SourceRecord};

/// The text of the default.
pub const DEFAULT_POLICY: &str = include_str!("default-policy.toml");

/// The fields of a person, and which source wins for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    fields: BTreeMap<Field, Definition>,
    /// By the name of the source that receives them.
    push: BTreeMap<String, Push>,
    trusted_email_from: Vec<String>,
}

/// Why a file is not a policy: each fault with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy cannot be used:\n  {}", faults.join("\n  "))]
pub struct PolicyError {
    /// At least one.
    pub faults: Vec<String>,
}

// `expecting`: an error names the form of the file, never a type of this crate.
/// The tables of a policy, as the file has them. Its schema is a part of the file's.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "tables `fields`, `phones`, `push` and `linking`")]
pub struct PolicyFile {
    /// The fields of a person. A table here replaces the whole built-in table of the same field.
    #[serde(default)]
    fields: BTreeMap<String, FieldFile>,
    /// How phone numbers are compared.
    phones: Option<PhonesFile>,
    /// What each source receives when another source is believed. The keys are names of sources.
    #[serde(default)]
    push: BTreeMap<String, PushFile>,
    /// Which records belong to one person.
    linking: Option<LinkingFile>,
}

// What is required is optional here, so that each fault is listed and not only the first.
#[derive(Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a table with `type`, `from` and, if wanted, `values`, `class` and `never`"
)]
struct FieldFile {
    /// What its values are.
    #[schemars(with = "FieldType", required)]
    r#type: Option<String>,
    /// The words that a code may have. Left out: any.
    values: Option<Vec<String>>,
    /// Who may see the values. Left out: personal.
    #[schemars(with = "Option<Class>")]
    class: Option<String>,
    /// Rules, the most trusted source first: a role, a source, or "newest of a, b", each perhaps with "when verified".
    #[schemars(with = "Vec<String>", required)]
    from: Option<Vec<String>>,
    /// Roles or sources whose values are never used, whatever the rules say.
    #[serde(default)]
    never: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table with `region`")]
struct PhonesFile {
    /// The region of numbers that have no country code: its code in ISO 3166-1.
    region: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table with `fields` and, if wanted, `map`")]
struct PushFile {
    /// The fields that the source receives.
    fields: Vec<String>,
    /// The source's own names of fields that its connector does not know. The source's own `map` reads each from there, too.
    #[serde(default)]
    map: BTreeMap<String, String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table with `trusted_email_from`")]
struct LinkingFile {
    /// Roles or sources whose addresses count as verified, although they do not say so.
    #[serde(default)]
    trusted_email_from: Vec<String>,
}

/// What a source receives: each field, and the source's own name of it, if the connector does not know one.
type Push = BTreeMap<Field, Option<String>>;

impl PolicyFile {
    fn parse(text: &str) -> Result<Self, PolicyError> {
        toml::from_str(text).map_err(|error| PolicyError { faults: vec![with_place(&error, text)] })
    }

    /// A table of this file replaces the whole table of the other.
    fn over(self, other: Self) -> Self {
        let mut fields = other.fields;
        fields.extend(self.fields);
        Self {
            fields,
            phones: self.phones.or(other.phones),
            push: self.push,
            linking: self.linking.or(other.linking),
        }
    }
}

impl Policy {
    /// Reads a policy, which is laid over the default. Its rules may name these sources, and all roles.
    ///
    /// # Errors
    /// [`PolicyError`] with every fault.
    pub fn parse(text: &str, sources: &[&str]) -> Result<Self, PolicyError> {
        let file = PolicyFile::parse(text)?.over(PolicyFile::parse(DEFAULT_POLICY)?);
        let mut faults = Vec::new();
        let region = region(file.phones.as_ref(), &mut faults);
        let mut fields = BTreeMap::new();
        for (name, own) in &file.fields {
            let field = name.parse::<Field>().map_err(|error| faults.push(format!("fields: {error}")));
            let definition = read_definition(name, own, region, sources, &mut faults);
            fields.extend(field.ok().zip(definition));
        }
        if fields.get(Field::email()).is_some_and(|email: &Definition| email.kind != FieldType::Email) {
            // Records are linked by it.
            faults.push(String::from(r#"fields.email: write `type = "email"`"#));
        }
        let mut push = BTreeMap::new();
        for (target, own) in &file.push {
            if !sources.contains(&target.as_str()) {
                let known = sources.join(", ");
                faults.push(format!("push.{target}: not a source; the sources are {known}"));
            }
            push.insert(target.clone(), read_push(target, own, &fields, &file.fields, &mut faults));
        }
        let trusted_email_from = file.linking.map(|linking| linking.trusted_email_from).unwrap_or_default();
        faults.extend(unknown(&trusted_email_from, "linking.trusted_email_from", sources));
        if faults.is_empty() {
            Ok(Self { fields, push, trusted_email_from })
        } else {
            Err(PolicyError { faults })
        }
    }

    /// Every field with its definition, in the order of the names.
    pub fn fields(&self) -> impl Iterator<Item = (&Field, &Definition)> {
        self.fields.iter()
    }

    /// The definition of a field. `None`: this policy has no such field.
    pub fn definition(&self, field: &Field) -> Option<&Definition> {
        self.fields.get(field)
    }

    /// The field of this name.
    ///
    /// # Errors
    /// The names that there are.
    pub fn field(&self, name: &str) -> Result<&Field, String> {
        let known = || self.fields.keys().map(Field::as_str).collect::<Vec<_>>().join(", ");
        let named = self.fields.get_key_value(name).map(|(field, _)| field);
        named.ok_or_else(|| format!("unknown field {name:?}; the fields are {}", known()))
    }

    /// The roles and sources whose records a rule `newest of` compares with those of this source, by name.
    pub fn compared_with(&self, source: &str, role: Role) -> Vec<String> {
        let rules = self.fields.values().flat_map(|definition| &definition.from);
        let newest =
            rules.filter(|rule| rule.names().iter().any(|name| name == source || name == role.as_str()));
        newest.flat_map(Rule::names).cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The sources that receive values.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.push.keys().map(String::as_str)
    }

    /// The fields that a source receives, each with the source's own name of it if the file gives one.
    pub fn pushed(&self, target: &str) -> impl Iterator<Item = (&Field, Option<&str>)> {
        let fields = self.push.get(target).into_iter().flatten();
        fields.map(|(field, property)| (field, property.as_deref()))
    }

    /// Whether a source receives this field.
    pub fn pushes(&self, target: &str, field: &Field) -> bool {
        self.push.get(target).is_some_and(|fields| fields.contains_key(field))
    }

    /// Whether a record's address counts as verified, for linking.
    pub fn trusts_email_of(&self, record: &SourceRecord) -> bool {
        record.vouches_for(Field::email()) || self.trusted_email_from.iter().any(|name| names(name, record))
    }
}

impl Definition {
    pub(crate) fn excludes(&self, record: &SourceRecord) -> bool {
        self.never.iter().any(|name| names(name, record))
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::parse("", &[]).unwrap_or_else(|error| unreachable!("the default is tested: {error}"))
    }
}

fn region(file: Option<&PhonesFile>, faults: &mut Vec<String>) -> country::Id {
    let region = file.map_or("", |phones| phones.region.as_str());
    region.parse().unwrap_or_else(|_| {
        faults
            .push(format!("phones.region: {region:?} is not a region: write its code in ISO 3166-1, as US"));
        country::US
    })
}

/// `None`: it has a fault.
fn read_definition(
    name: &str,
    file: &FieldFile,
    region: country::Id,
    sources: &[&str],
    faults: &mut Vec<String>,
) -> Option<Definition> {
    let before = faults.len();
    let kind = match file.r#type.as_deref().map(str::parse::<FieldType>) {
        Some(Ok(kind)) => Some(kind),
        Some(Err(error)) => {
            faults.push(format!("fields.{name}.type: {error}"));
            None
        }
        None => {
            let types = FieldType::ALL.map(FieldType::as_str).join(", ");
            faults.push(format!("fields.{name}: without a type; write `type = …`, one of {types}"));
            None
        }
    };
    let class = match file.class.as_deref().map(str::parse::<Class>) {
        None => Class::default(),
        Some(Ok(class)) => class,
        Some(Err(error)) => {
            faults.push(format!("fields.{name}.class: {error}"));
            Class::default()
        }
    };
    let values = read_values(name, file, kind, faults);
    let from = read_rules(name, file, sources, faults);
    let (never, kind) = (file.never.clone(), kind?);
    (faults.len() == before).then_some(Definition { kind, class, values, region, from, never })
}

fn read_values(
    name: &str,
    file: &FieldFile,
    kind: Option<FieldType>,
    faults: &mut Vec<String>,
) -> Vec<String> {
    let Some(values) = &file.values else { return Vec::new() };
    if kind.is_some_and(|kind| kind != FieldType::Code) {
        faults.push(format!(r#"fields.{name}.values: only a field of `type = "code"` has values"#));
    }
    if values.is_empty() {
        faults.push(format!("fields.{name}.values: empty; leave it out if any value may be used"));
    }
    let mut known = BTreeSet::new();
    for value in values {
        if value.trim() != value || value.is_empty() {
            faults.push(format!("fields.{name}.values: {value:?} is empty or has outer blanks"));
        }
        if !known.insert(value) {
            faults.push(format!("fields.{name}.values: {value:?} is listed twice"));
        }
    }
    values.clone()
}

fn read_rules(name: &str, file: &FieldFile, sources: &[&str], faults: &mut Vec<String>) -> Vec<Rule> {
    let Some(rules) = &file.from else {
        // It would silently have no value.
        faults.push(format!(
            "fields.{name}: a field without a source; write `from = []` if no source may give it"
        ));
        return Vec::new();
    };
    let mut from = Vec::new();
    for text in rules {
        match Rule::parse(text, sources) {
            Ok(rule) if from.contains(&rule) => {
                faults.push(format!("fields.{name}: {text:?} is listed twice"));
            }
            Ok(rule) => from.push(rule),
            Err(error) => faults.push(format!("fields.{name}: {error}")),
        }
    }
    faults.extend(unknown(&file.never, &format!("fields.{name}.never"), sources));
    for rule in &from {
        if rule.never_holds(name) {
            faults.push(format!(
                "fields.{name}: {:?} never holds: sso, crm and registry verify only email",
                rule.to_string()
            ));
        }
        if rule.names().iter().all(|one| file.never.contains(one)) {
            // `never` wins, so such a rule would be dead.
            faults.push(format!("fields.{name}: {:?} is in both `from` and `never`", rule.to_string()));
        }
    }
    from
}

fn unknown<'a>(
    names: &'a [String],
    place: &'a str,
    sources: &'a [&str],
) -> impl Iterator<Item = String> + 'a {
    let unknown = names.iter().filter(|name| !is_known(name, sources));
    unknown.map(move |name| format!("{place}: {}", unknown_name(name, sources)))
}

fn read_push(
    target: &str,
    file: &PushFile,
    fields: &BTreeMap<Field, Definition>,
    named: &BTreeMap<String, FieldFile>,
    faults: &mut Vec<String>,
) -> Push {
    let mut push = Push::new();
    for name in &file.fields {
        match fields.get_key_value(name.as_str()) {
            Some((_, definition)) if definition.kind == FieldType::Address => {
                faults.push(format!(
                    "push.{target}.fields: {name} cannot be pushed: an address has several parts"
                ));
            }
            Some((field, _)) => drop(push.insert(field.clone(), file.map.get(name).cloned())),
            // Its own faults are listed already.
            None if named.contains_key(name) => {}
            None => {
                faults.push(format!(
                    "push.{target}.fields: {name:?} is not a field: define it as [fields.{name}]"
                ));
            }
        }
    }
    for name in file.map.keys().filter(|name| !file.fields.contains(name)) {
        faults.push(format!("push.{target}.map: {name:?} is not among the fields of push.{target}"));
    }
    push
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

    const SOURCES: [&str; 3] = ["auth0", "okta", "salesforce"];

    fn field(name: &str) -> Field {
        name.parse().unwrap()
    }

    #[test]
    fn the_default_has_a_source_for_every_field() {
        let policy = Policy::default();
        for (field, definition) in policy.fields() {
            assert!(!definition.from.is_empty(), "{field}");
        }
        assert_eq!(policy.targets().count(), 0, "nothing is pushed unless a file says so");
        let class = |name| policy.definition(&field(name)).unwrap().class;
        assert_eq!((class("email"), class("birthdate")), (Class::Personal, Class::Sensitive));
    }

    #[test]
    fn a_rule_compares_the_sources_that_it_names() {
        let rules = r#"
            fields.phone = { type = "phone", from = ["newest of sso, salesforce", "identity"] }
            fields.email = { type = "email", from = ["newest of okta, registry when verified"] }
        "#;
        let policy = Policy::parse(rules, &SOURCES).unwrap();
        for (source, role, expected) in [
            ("auth0", Role::Sso, &["salesforce", "sso"][..]),
            ("okta", Role::Sso, &["okta", "registry", "salesforce", "sso"]),
            ("staff", Role::Registry, &["okta", "registry"]),
            // The built-in rules name one role each.
            ("salesforce", Role::Crm, &["crm", "salesforce", "sso"]),
        ] {
            assert_eq!(policy.compared_with(source, role), expected, "{source}");
        }
        assert_eq!(Policy::default().compared_with("auth0", Role::Sso), ["sso"]);
    }

    #[test]
    fn a_file_is_laid_over_the_default_table_by_table() {
        let text = r#"
            [fields.preferred_language]
            type = "code"
            values = ["en", "es", "vi"]
            class = "public"
            from = ["crm"]
            [fields.phone]
            type = "text"
            from = []
        "#;
        let policy = Policy::parse(text, &SOURCES).unwrap();
        let (own, default) = (|name| policy.definition(&field(name)).unwrap(), Policy::default());
        let language = own("preferred_language");
        assert_eq!((language.kind, language.class), (FieldType::Code, Class::Public));
        assert_eq!(language.values, ["en", "es", "vi"]);
        assert_eq!(own("email"), default.definition(Field::email()).unwrap());
        let phone = own("phone");
        assert_eq!(
            (phone.kind, phone.from.len()),
            (FieldType::Text, 0),
            "nothing of the default's table is left"
        );
        assert_eq!(Policy::parse("", &SOURCES).unwrap(), default);
    }

    #[test]
    fn every_fault_is_listed_at_once() {
        let text = r#"
            [fields.email]
            type = "text"
            from = ["sso when new", "crm", "crm"]
            never = ["crm", "the CRM"]
            [fields.birthdate]
            type = "date"
            from = ["sso when verified", "registry when verified", "newest of ss0, crm"]
            [fields.shoe_size]
            class = "secret"
            [fields.hat]
            type = "hat"
            from = []
            [fields.blocked]
            type = "boolean"
            from = ["sso"]
            [fields.Hat]
            type = "text"
            values = ["a"]
            from = ["sso"]
            [fields.language]
            type = "code"
            values = ["en", "en", " es"]
            from = ["sso"]
            [fields.tier]
            type = "code"
            values = []
            from = ["sso"]
            [phones]
            region = "Sweden"
            [push.salesforce]
            fields = ["mailing_address", "glove", "shoe_size"]
            map.email = "Email__c"
            [push.hubspot]
            fields = []
            [linking]
            trusted_email_from = ["CRM"]
        "#;
        let faults = Policy::parse(text, &SOURCES).unwrap_err().faults;
        let expected = [
            r#"phones.region: "Sweden" is not a region"#,
            r#"fields: "Hat" cannot name a field: write 1 to 63 characters"#,
            "fields.Hat.values: only a field of `type = \"code\"` has values",
            r#"fields.birthdate: "newest of ss0, crm" "#,
            r#"fields.birthdate: "sso when verified" never holds"#,
            r#"fields.birthdate: "registry when verified" never holds"#,
            r#"fields: "blocked" cannot name a field: it has another meaning"#,
            r#"fields.email: unknown condition "new" in rule "sso when new""#,
            r#"fields.email: "crm" is listed twice"#,
            r#"fields.email.never: "the CRM" is not a role (sso, crm, identity, registry) or a source (auth0, "#,
            r#"fields.email: "crm" is in both `from` and `never`"#,
            r#"fields.hat.type: unknown type "hat"; the types are text, email, phone, "#,
            r#"fields.language.values: "en" is listed twice"#,
            r#"fields.language.values: " es" is empty or has outer blanks"#,
            "fields.shoe_size: without a type; write `type = …`, one of text, email, ",
            r#"fields.shoe_size.class: unknown class "secret"; the classes are public, personal, sensitive"#,
            "fields.shoe_size: a field without a source; write `from = []`",
            "fields.tier.values: empty",
            "push.hubspot: not a source; the sources are auth0, okta, salesforce",
            "push.salesforce.fields: mailing_address cannot be pushed",
            r#"push.salesforce.fields: "glove" is not a field: define it as [fields.glove]"#,
            r#"push.salesforce.map: "email" is not among the fields of push.salesforce"#,
            r#"linking.trusted_email_from: "CRM" is not a role"#,
        ];
        for (fault, expected) in faults.iter().zip(expected) {
            let expected = expected
                .replace(r#""newest of ss0, crm" "#, r#""ss0" in rule "newest of ss0, crm" is not a role"#);
            assert!(fault.starts_with(&expected), "{expected}\nis not {fault}");
        }
        assert_eq!(faults.len(), expected.len(), "{faults:#?}");
        let text =
            Policy::parse("[fields.email]\ntype = \"text\"\nfrom = []", &SOURCES).unwrap_err().to_string();
        assert!(text.contains(r#"fields.email: write `type = "email"`"#), "{text}");
    }

    #[test]
    fn an_address_counts_as_verified_if_its_source_says_so_or_the_policy_trusts_the_source() {
        let text =
            DEFAULT_POLICY.replace("trusted_email_from = []", r#"trusted_email_from = ["okta", "crm"]"#);
        let policy = Policy::parse(&text, &SOURCES).unwrap();
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
            ("[fields.email]\nkind = \"email\"", "line 2, column 1: "),
        ] {
            let error = Policy::parse(text, &SOURCES).unwrap_err();
            assert!(error.faults[0].starts_with(place), "{text:?}: {error}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(Policy::parse("[fields]\n[crn]\npush = []", &SOURCES).is_err());
    }
}
