//! An `OpenAPI` document, read leniently: versions 3.0 and 3.1, as JSON or YAML. In: its text. Out: its parts, with local references
//! followed. What a document has beyond that is not looked at. No I/O.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::DraftError;

/// A schema may mention itself.
const MOST_REFERENCES: usize = 16;

/// The methods that a draft looks at.
const GET: &str = "get";

pub(super) struct Document(Value);

/// A GET operation.
pub(super) struct Read<'a> {
    pub(super) path: &'a str,
    pub(super) parameters: Vec<Parameter<'a>>,
    /// The statuses that it documents.
    pub(super) statuses: Vec<&'a str>,
    /// The schema of its successful JSON reply.
    pub(super) reply: Option<&'a Value>,
}

pub(super) struct Parameter<'a> {
    pub(super) name: &'a str,
    pub(super) is_in_path: bool,
    pub(super) maximum: Option<u64>,
}

impl Document {
    pub(super) fn read(text: &str) -> Result<Self, DraftError> {
        // JSON is YAML, too.
        let root: Value =
            serde_saphyr::from_str(text).map_err(|error| DraftError::Unreadable { why: position(&error) })?;
        match root["openapi"].as_str() {
            Some(version) if version.starts_with("3.") => Ok(Self(root)),
            Some(version) => Err(DraftError::Version { found: version.to_owned() }),
            None => Err(DraftError::NotOpenApi),
        }
    }

    pub(super) fn schema(&self, name: &str) -> Result<&Value, DraftError> {
        let schemas = self.0["components"]["schemas"].as_object();
        schemas.and_then(|schemas| schemas.get(name)).ok_or_else(|| DraftError::NoSchema {
            name: name.to_owned(),
            known: schemas.into_iter().flat_map(Map::keys).cloned().collect(),
        })
    }

    pub(super) fn title(&self) -> &str {
        self.0["info"]["title"].as_str().unwrap_or("an API")
    }

    pub(super) fn server(&self) -> Option<&str> {
        let url = self.0["servers"][0]["url"].as_str()?;
        (url.starts_with("https://") || url.starts_with("http://"))
            .then_some(url)
            .filter(|url| !url.contains('{'))
    }

    pub(super) fn security_schemes(&self) -> impl Iterator<Item = &Value> {
        let schemes = self.0["components"]["securitySchemes"].as_object();
        schemes.into_iter().flat_map(Map::values).map(|scheme| self.followed(scheme))
    }

    pub(super) fn reads(&self) -> Vec<Read<'_>> {
        let paths = self.0["paths"].as_object().into_iter().flatten();
        paths.filter_map(|(path, item)| self.read_of(path, self.followed(item))).collect()
    }

    fn read_of<'a>(&'a self, path: &'a str, item: &'a Value) -> Option<Read<'a>> {
        let operation = item.get(GET)?;
        let parameters = [item, operation].into_iter().flat_map(|from| from["parameters"].as_array());
        let parameters = parameters.flatten().filter_map(|parameter| self.parameter(parameter)).collect();
        let responses = operation["responses"].as_object();
        let statuses = responses.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        let reply = ["200", "2XX", "default"].iter().find_map(|status| responses?.get(*status));
        let reply = reply.map(|reply| self.followed(reply)).and_then(|reply| reply["content"].as_object());
        let reply = reply.and_then(|content| {
            let json = content.iter().find(|(kind, _)| kind.contains("json"))?;
            json.1.get("schema")
        });
        Some(Read { path, parameters, statuses, reply })
    }

    fn parameter<'a>(&'a self, parameter: &'a Value) -> Option<Parameter<'a>> {
        let parameter = self.followed(parameter);
        Some(Parameter {
            name: parameter["name"].as_str()?,
            is_in_path: parameter["in"] == "path",
            maximum: self.followed(&parameter["schema"])["maximum"].as_u64(),
        })
    }

    /// What a local reference leads to, or the value itself.
    pub(super) fn followed<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        for _ in 0..MOST_REFERENCES {
            let Some(pointer) = value["$ref"].as_str().and_then(|to| to.strip_prefix('#')) else { break };
            match self.0.pointer(pointer) {
                Some(found) => value = found,
                None => break,
            }
        }
        value
    }

    /// The properties of a schema, with those of the schemas that it combines.
    pub(super) fn properties<'a>(&'a self, schema: &'a Value) -> BTreeMap<&'a str, &'a Value> {
        let mut found = BTreeMap::new();
        self.collect(schema, 0, &mut found);
        found
    }

    fn collect<'a>(&'a self, schema: &'a Value, depth: usize, found: &mut BTreeMap<&'a str, &'a Value>) {
        if depth > MOST_REFERENCES {
            return;
        }
        let schema = self.followed(schema);
        for part in ["allOf", "oneOf", "anyOf"].iter().flat_map(|kind| schema[*kind].as_array()).flatten() {
            self.collect(part, depth + 1, found);
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            found.insert(name, self.followed(property));
        }
    }

    /// Whether a schema is this one, or a combination that has it.
    pub(super) fn is(&self, schema: &Value, wanted: &Value, depth: usize) -> bool {
        let found = self.followed(schema);
        let combined = ["allOf", "oneOf", "anyOf"].iter().flat_map(|kind| found[*kind].as_array()).flatten();
        std::ptr::eq(found, wanted)
            || (depth < MOST_REFERENCES && combined.into_iter().any(|part| self.is(part, wanted, depth + 1)))
    }
}

/// The items of an array.
pub(super) fn items(schema: &Value) -> Option<&Value> {
    let kind = &schema["type"];
    let is_array =
        kind == "array" || kind.as_array().is_some_and(|kinds| kinds.contains(&Value::from("array")));
    is_array.then(|| schema.get("items")).flatten()
}

/// Where, and no text of the document.
fn position(error: &serde_saphyr::Error) -> String {
    error.location().map_or_else(
        || String::from("no position"),
        |at| format!("line {}, column {}", at.line(), at.column()),
    )
}
