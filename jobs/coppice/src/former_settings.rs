//! `config from-environment`: the `coppice.toml` that says what the variables of the release before said. In: that release's
//! environment. Out: the file, with a comment for each secret that it names. Which settings a connector has is read from the
//! file's schema; a variable was called `COPPICE_<CONNECTOR>_<KEY>`.

use std::fmt::Write as _;

use config::Config;
use job_process::JobError;
use serde_json::Value as Json;
use settings::Reader;
use toml::{Table, Value};

/// The roles of that release, each with the connector that counted without a variable. It had one source for each.
const ROLES: [(&str, Option<&str>); 3] = [("sso", None), ("crm", Some("salesforce")), ("identity", None)];

/// What that release pushed to the CRM without a policy of its own.
const PUSHED: [&str; 5] = ["email", "phone", "given_name", "family_name", "birthdate"];

/// A file, and the secrets that it names, each with the variable that had it.
struct Written {
    file: Table,
    secrets: Vec<(String, String)>,
}

/// The text of the file.
///
/// # Errors
/// [`JobError::Failed`] with the file and every fault of it, if variables are missing.
pub(crate) fn written(reader: &Reader) -> Result<String, JobError> {
    let mut written = Written { file: policy(reader)?, secrets: Vec::new() };
    let pushed = pushed(&mut written.file);
    let mut sources = Table::new();
    for (role, default) in ROLES {
        let variable = |end: &str| reader.variable(&format!("COPPICE_{}_{end}", role.to_ascii_uppercase()));
        let of_default = default.filter(|connector| has_settings(reader, connector));
        let Some(connector) = variable("PROVIDER").or(of_default.map(str::to_owned)) else { continue };
        sources
            .insert(connector.clone(), Value::Table(source(reader, role, &connector, &mut written.secrets)));
        if role == "crm" {
            let fields = pushed.clone().unwrap_or_else(|| PUSHED.map(Value::from).to_vec());
            let push = Table::from_iter([(String::from("fields"), Value::Array(fields))]);
            let targets = Table::from_iter([(connector, Value::Table(push))]);
            written.file.insert(String::from("push"), Value::Table(targets));
        }
    }
    if sources.is_empty() {
        return Err(JobError::Usage(String::from(
            "no source is set up in this environment: COPPICE_SSO_PROVIDER, COPPICE_CRM_PROVIDER and COPPICE_IDENTITY_PROVIDER \
             named them. Run the command in the environment of a pod of the release before",
        )));
    }
    written.file.insert(String::from("sources"), Value::Table(sources));
    let text = written.text();
    match Config::parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(JobError::Failed(format!("{text}\n{error}"))),
    }
}

impl Written {
    fn text(&self) -> String {
        let mut text = String::from(
            "# From the environment of the release before. Add partner_sources to each source that has partner event sources:\n\
             # they were parameters of the stack.\n",
        );
        for (secret, variable) in &self.secrets {
            let _ = writeln!(text, "# The secret {secret} is what {variable} was.");
        }
        let _ = write!(text, "\n{}", toml::to_string(&self.file).unwrap_or_default());
        text
    }
}

/// The policy, which was a file of its own.
fn policy(reader: &Reader) -> Result<Table, JobError> {
    let text = reader.variable("COPPICE_POLICY").unwrap_or_default();
    text.parse().map_err(|_| JobError::Usage(String::from("COPPICE_POLICY is no TOML")))
}

/// What the policy pushed to the one CRM.
fn pushed(policy: &mut Table) -> Option<Vec<Value>> {
    let crm = policy.remove("crm")?;
    crm.get("push")?.as_array().cloned()
}

fn has_settings(reader: &Reader, connector: &str) -> bool {
    keys(connector).any(|(key, _)| reader.variable(&variable(connector, &key)).is_some())
}

fn variable(of: &str, key: &str) -> String {
    format!("COPPICE_{}_{}", of.to_ascii_uppercase(), key.to_ascii_uppercase())
}

fn source(reader: &Reader, role: &str, connector: &str, secrets: &mut Vec<(String, String)>) -> Table {
    let mut table = Table::from_iter(
        [("role", role), ("connector", connector)].map(|(key, value)| (key.to_owned(), Value::from(value))),
    );
    for (key, schema) in keys(connector) {
        // The limits were settings of the role.
        let name = [connector, role]
            .map(|of| variable(of, &key))
            .into_iter()
            .find(|name| reader.variable(name).is_some());
        let Some((name, text)) = name.and_then(|name| Some((name.clone(), reader.variable(&name)?))) else {
            continue;
        };
        let secret = |number: usize| {
            let secret = format!("{connector}-{}", key.trim_end_matches("_secrets").replace('_', "-"));
            if number == 0 { secret } else { format!("{secret}-{}", number + 1) }
        };
        let named =
            |secret: String| Value::Table(Table::from_iter([(String::from("secret"), Value::from(secret))]));
        let value = if schema.pointer("/items/properties/secret").is_some() {
            let all = text.split(',').enumerate().map(|(number, _)| {
                secrets.push((secret(number), format!("part {} of {name}", number + 1)));
                named(secret(number))
            });
            Value::Array(all.collect())
        } else if schema.pointer("/properties/secret").is_some() {
            secrets.push((secret(0), name));
            named(secret(0))
        } else {
            plain(&schema, &text)
        };
        table.insert(key, value);
    }
    table
}

/// A text in the type that the key has.
fn plain(schema: &Json, text: &str) -> Value {
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("integer") => text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
        Some("boolean") => text.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
        Some("array") => Value::Array(text.split(',').map(|one| Value::from(one.trim())).collect()),
        _ => Value::from(text),
    }
}

/// The keys of a source with this connector, each with its schema.
fn keys(connector: &str) -> impl Iterator<Item = (String, Json)> {
    let schema = config::schema();
    let branches = schema["properties"]["sources"]["additionalProperties"]["allOf"].as_array().cloned();
    let own = branches
        .into_iter()
        .flatten()
        .find(|branch| branch["if"]["properties"]["connector"]["const"] == connector);
    let properties = own.and_then(|own| own["then"]["properties"].as_object().cloned()).unwrap_or_default();
    properties.into_iter().filter(|(key, _)| key != "role" && key != "connector")
}
