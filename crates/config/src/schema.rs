//! The JSON schema of the file: for editors, for the reference, and for the check of every file. Each connector adds the settings
//! of its sources.

use authority::PolicyFile;
use connectors::{CONNECTORS, Connector};
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use crate::document::Document;
use crate::fault::Fault;
use crate::source::{POINTER, SourceTable};

/// The schema of `coppice.toml`.
pub fn schema() -> Value {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator();
    let common = SourceTable::json_schema(&mut generator).to_value();
    let policy = PolicyFile::json_schema(&mut generator).to_value();
    let names: Vec<&str> = CONNECTORS.iter().map(|connector| connector.name).collect();
    // Of a source whose connector is missing or unknown: the keys of any, so that its other faults are listed too.
    let mut of_any = object(common.pointer("/properties"));
    let of_connector: Vec<Value> = CONNECTORS
        .iter()
        .map(|connector| {
            let roles: Vec<&str> = connector.roles.iter().map(|role| role.as_str()).collect();
            let mut own = (connector.settings)(&mut generator).to_value();
            let mut properties = object(common.pointer("/properties"));
            for (key, setting) in object(own.pointer("/properties")) {
                let is_secret = setting.pointer("/properties/secret").is_some();
                of_any.entry(key.clone()).or_insert(if is_secret { setting.clone() } else { json!(true) });
                properties.insert(key, setting);
            }
            properties.insert("role".into(), json!({"enum": roles}));
            let required = [common.pointer("/required"), own.pointer("/required")];
            let required: Vec<Value> =
                required.into_iter().flatten().flat_map(|list| list.as_array().cloned()).flatten().collect();
            own = json!({"properties": properties, "required": required, "additionalProperties": false});
            json!({
                "if": {"properties": {"connector": {"const": connector.name}}, "required": ["connector"]},
                "then": own
            })
        })
        .collect();
    let any = json!({
        "if": {"properties": {"connector": {"enum": names}}, "required": ["connector"]},
        "else": {"properties": of_any, "additionalProperties": false}
    });
    // A connector may have a `map` of its own form.
    let mut of_each = object(common.pointer("/properties"));
    of_each.insert(String::from("map"), json!({"type": "object"}));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "coppice.toml",
        "type": "object",
        "properties": {
            "fields": policy.pointer("/properties/fields"),
            "phones": policy.pointer("/properties/phones"),
            "push": policy.pointer("/properties/push"),
            "linking": policy.pointer("/properties/linking"),
            "sources": {
                "type": "object",
                "description": "The systems of record. A source's name appears in rows, queues, metrics, paths and rules.",
                "propertyNames": {"pattern": "^[a-z][a-z0-9-]{0,29}$"},
                "additionalProperties": {
                    "type": "object",
                    "properties": of_each,
                    "required": common.pointer("/required"),
                    "allOf": of_connector.into_iter().chain([any]).collect::<Vec<_>>()
                }
            }
        },
        "additionalProperties": false
    })
}

/// Whether a connector reads `map` itself, in a form of its own.
pub(crate) fn has_own_map(connector: &Connector) -> bool {
    let own = (connector.settings)(&mut schemars::SchemaGenerator::default()).to_value();
    own.pointer("/properties/map").is_some()
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    value.and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Every violation of the schema.
pub(crate) fn check(document: &Document<'_>) -> Vec<Fault> {
    let schema = schema();
    // A test makes a validator of it.
    let validator = jsonschema::options().should_validate_formats(true).build(&schema);
    let validator = validator.unwrap_or_else(|error| unreachable!("{error}"));
    let mut faults = Vec::new();
    for error in validator.iter_errors(&document.value) {
        for fault in explain(document, &schema, &error) {
            // The common part and the connector's part of a source may find the same.
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    faults
}

fn explain(document: &Document<'_>, schema: &Value, error: &ValidationError<'_>) -> Vec<Fault> {
    let at = error.instance_path().as_str();
    let fault = |message: String| vec![document.fault(at, message)];
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = known_keys(schema, error.schema_path().as_str());
            let unknown = |key: &String| {
                let known = known.iter().map(String::as_str);
                document
                    .fault(&crate::document::below(at, key), format!("unknown key{}", instead(key, known)))
            };
            unexpected.iter().map(unknown).collect()
        }
        ValidationErrorKind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            vec![document.fault(&crate::document::below(at, key), "is missing".to_owned())]
        }
        ValidationErrorKind::Type { .. } if is_secret(schema, error) => fault(SECRET.to_owned()),
        ValidationErrorKind::Type { kind } => fault(format!("must be {}", type_words(kind))),
        ValidationErrorKind::Enum { options } => {
            let options: Vec<&str> =
                options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let given = error.instance().as_str().unwrap_or_default();
            fault(format!("must be {}{}", one_of(&options), guess(given, options.iter().copied())))
        }
        ValidationErrorKind::PropertyNames { .. } => fault(String::from(
            "must have a name of 1 to 30 lower-case letters, digits and hyphens that begins with a lower-case letter",
        )),
        ValidationErrorKind::Minimum { limit } => fault(format!("must be at least {limit}")),
        ValidationErrorKind::Maximum { limit } => fault(format!("must be at most {limit}")),
        ValidationErrorKind::Pattern { pattern } if pattern == POINTER => {
            fault(String::from("must be a JSON pointer that begins with /, such as /user_metadata/lang"))
        }
        ValidationErrorKind::Pattern { pattern } => fault(format!("must match {pattern}")),
        ValidationErrorKind::Format { format } if format == "uri" => {
            fault(String::from("must be an absolute URL, such as https://api.example.org"))
        }
        ValidationErrorKind::MinItems { .. } => fault(String::from("must not be empty")),
        ValidationErrorKind::UniqueItems => fault(String::from("has an entry twice")),
        other => fault(format!("breaks the rule {:?} of the schema", other.keyword())),
    }
}

/// What to write for a secret.
const SECRET: &str = "must name a secret, as { secret = \"name\" }: its text comes from a mounted file or a variable, never from this file";

fn is_secret(schema: &Value, error: &ValidationError<'_>) -> bool {
    let own = error.schema_path().as_str().rsplit_once('/').and_then(|(own, _)| schema.pointer(own));
    own.is_some_and(|own| own.pointer("/properties/secret").is_some())
}

fn known_keys(schema: &Value, path: &str) -> Vec<String> {
    let own = path.rsplit_once('/').and_then(|(own, _)| schema.pointer(own));
    object(own.and_then(|own| own.get("properties"))).keys().cloned().collect()
}

/// `: did you mean url? The keys are …`
fn instead<'a>(key: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let list: Vec<&str> = known.clone().collect();
    let guess = guess(key, known);
    let end = if guess.is_empty() { "." } else { "" };
    format!("{guess}{end} The keys here are {}", list.join(", "))
}

pub(crate) fn guess<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = known.map(|name| (strsim::damerau_levenshtein(given, name), name)).min();
    match nearest {
        Some((distance, name)) if !given.is_empty() && distance <= 2 => format!("; did you mean {name}?"),
        _ => String::new(),
    }
}

fn one_of(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::from("nothing"),
    }
}

fn type_words(kind: &jsonschema::error::TypeKind) -> String {
    use jsonschema::error::TypeKind;
    let word = |kind: jsonschema::JsonType| match kind {
        jsonschema::JsonType::Array => "a list",
        jsonschema::JsonType::Boolean => "true or false",
        jsonschema::JsonType::Integer => "a whole number",
        jsonschema::JsonType::Number => "a number",
        jsonschema::JsonType::Object => "a table",
        jsonschema::JsonType::String => "a text in quotes",
        jsonschema::JsonType::Null => "left out",
    };
    match kind {
        TypeKind::Single(kind) => word(*kind).to_owned(),
        TypeKind::Multiple(kinds) => {
            let words: Vec<&str> =
                kinds.iter().filter(|kind| *kind != jsonschema::JsonType::Null).map(word).collect();
            one_of(&words)
        }
    }
}
