//! `coppice.toml`: which sources there are, and which one is believed about which field.
//!
//! In: a text. Out: a [`Config`], or every fault of the text at once with line, column and what to write instead. This crate must
//! not know units, queues or tables.

mod document;
mod fault;
mod push;
mod schema;
mod secrets;
mod source;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use authority::{Field, Policy, Role};
use serde_json::{Map, Value};
use settings::Setting;

use document::{Document, below};

pub use fault::{ConfigError, Fault};
pub use schema::schema;
pub use source::{SourceConfig, SourceWebhooks};

/// The whole file.
#[derive(Debug, Clone)]
pub struct Config {
    sources: BTreeMap<String, SourceConfig>,
    policy: Policy,
    policy_text: String,
}

/// The setting that has it.
pub const CONFIG: Setting<Config> = Setting::new(
    "COPPICE_CONFIG",
    None,
    "coppice.toml, with the sources and whom to believe. Prefer a file: COPPICE_CONFIG_FILE=/path",
    parse,
);

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text).map_err(|error| format!("\n    {}\n   ", fault::texts(&error.faults).join("\n    ")))
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// Every fault of the text.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let document = Document::parse(text).map_err(ConfigError::from)?;
        let mut faults = schema::check(&document);
        let mut sources = BTreeMap::new();
        for (name, table) in tables(document.value.get("sources")) {
            let at = below("/sources", name);
            if Role::ALL.iter().any(|role| role.as_str() == name) {
                faults.push(document.fault(&at, "is the name of a role: a rule could mean either"));
            }
            check_map(&document, &below(&at, "map"), table, &mut faults);
            // What the schema refuses cannot be read, and has its fault.
            if faults.iter().any(|fault| fault.path.starts_with(&format!("sources.{name}"))) {
                continue;
            }
            match SourceConfig::read(name, table) {
                Ok(source) => drop(sources.insert(name.clone(), source)),
                Err(own) => faults.extend(
                    own.into_iter().map(|one| document.fault(&format!("{at}{}", one.pointer), one.message)),
                ),
            }
        }
        match policy(&document, &mut faults) {
            Some((policy, policy_text)) if faults.is_empty() => {
                push::check(&document, &policy, &sources, &mut faults);
                if !faults.is_empty() {
                    return Err(faults.into());
                }
                sources.values_mut().for_each(|source| source.define(&policy));
                Ok(Self { sources, policy, policy_text })
            }
            _ => Err(faults.into()),
        }
    }

    /// Every source, in the order of their names.
    pub fn sources(&self) -> impl Iterator<Item = &SourceConfig> {
        self.sources.values()
    }

    /// The source of this name.
    pub fn source(&self, name: &str) -> Option<&SourceConfig> {
        self.sources.get(name)
    }

    /// Whom to believe about which field.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// All sections but that of the sources, as TOML in one form: two files that say the same have the same text.
    pub fn policy_text(&self) -> &str {
        &self.policy_text
    }
}

fn tables(value: Option<&Value>) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
    let all = value.and_then(Value::as_object).into_iter().flatten();
    all.filter_map(|(name, table)| Some((name, table.as_object()?)))
}

/// The keys of a `map` that are no fields.
fn reserved_of_map(table: &Map<String, Value>) -> &'static [&'static str] {
    let connector = table.get("connector").and_then(Value::as_str).and_then(connectors::connector);
    if connector.is_some_and(schema::has_own_map) { &connectors::NO_FIELDS } else { &[] }
}

/// A source maps only fields that there are.
fn check_map(document: &Document<'_>, at: &str, table: &Map<String, Value>, faults: &mut Vec<Fault>) {
    let defaults = Policy::default();
    let own = tables(document.value.get("fields")).map(|(name, _)| name.as_str());
    let fields: BTreeSet<&str> = defaults.fields().map(|(field, _)| field.as_str()).chain(own).collect();
    let reserved = reserved_of_map(table);
    for field in table.get("map").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
        if reserved.contains(&field.as_str()) {
            continue;
        }
        let known = fields.iter().copied();
        if !fields.contains(field.as_str()) {
            let message = format!(
                "is no field: define it as [fields.{field}], or write one of {}{}",
                known.clone().collect::<Vec<_>>().join(", "),
                schema::guess(field, known)
            );
            faults.push(document.fault(&below(at, field), message));
        } else if field == Field::email().as_str() && table.get("role") == Some(&Value::from("identity")) {
            // Records are linked by a verified address, and a verified case vouches for all that it says.
            faults.push(document.fault(
                &below(at, field),
                "must not be mapped from an identity verification: its address would count as verified",
            ));
        }
    }
}

/// The section and the name of the table that a fault is about. Without a name: the whole section.
fn table_of(fault: &Fault) -> Option<(String, String)> {
    let mut parts = fault.path.split('.');
    let section = parts.next().filter(|section| *section != "sources" && !section.is_empty())?;
    Some((section.to_owned(), parts.next().unwrap_or_default().to_owned()))
}

fn policy(document: &Document<'_>, faults: &mut Vec<Fault>) -> Option<(Policy, String)> {
    let names: Vec<&str> = tables(document.value.get("sources")).map(|(name, _)| name.as_str()).collect();
    let sections = document.value.as_object().into_iter().flatten().filter(|(key, _)| *key != "sources");
    let mut sections: Map<String, Value> =
        sections.map(|(key, value)| (key.clone(), value.clone())).collect();
    // A table whose form is wrong has its faults already. The others are read without it.
    let left_out: Vec<(String, String)> = faults.iter().filter_map(table_of).collect();
    for (section, name) in &left_out {
        sections.get_mut(section).and_then(Value::as_object_mut).map(|tables| tables.remove(name));
        if name.is_empty() {
            sections.remove(section);
        }
    }
    // It has come out of TOML.
    let text = toml::to_string(&sections).unwrap_or_default();
    match Policy::parse(&text, &names) {
        Ok(policy) => Some((policy, text)),
        Err(error) => {
            for fault in error.faults {
                let (path, message) = fault.split_once(": ").unwrap_or(("", &fault));
                if left_out.iter().any(|(_, name)| !name.is_empty() && message.contains(name.as_str())) {
                    continue;
                }
                faults.push(document.fault(&format!("/{}", path.replace('.', "/")), message));
            }
            None
        }
    }
}
