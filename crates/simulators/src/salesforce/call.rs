//! Parses a request of the API: the operation, and the contacts that it names.

use std::collections::HashMap;

use axum::extract::Query;
use axum::http::{Method, Uri};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::contact::{BASE, KEY, full_id};
use super::refusal::{Refusal, check_fields};
use super::soql::Soql;

const MOST_IDS: usize = 2000;
const MOST_RECORDS: usize = 200;

/// The operation.
#[derive(Debug)]
pub(crate) enum Call {
    Limits,
    Read {
        target: Target,
        fields: Option<Vec<String>>,
    },
    ReadMany {
        ids: Vec<String>,
        fields: Vec<String>,
    },
    Query {
        soql: Soql,
        deleted_too: bool,
    },
    NextPage(String),
    /// Upsert by key, or update by ID.
    Write {
        target: Target,
        values: Map<String, Value>,
    },
    UpsertMany(Batch),
    UpdateMany(Batch),
}

/// How a request names a contact.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Id(String),
    Key(String),
}

/// Records to write.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Batch {
    #[serde(default)]
    pub(crate) all_or_none: bool,
    pub(crate) records: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
struct ReadMany {
    ids: Vec<String>,
    fields: Vec<String>,
}

impl Call {
    pub(crate) fn parse(method: &Method, uri: &Uri, body: &[u8]) -> Result<Self, Refusal> {
        let path = uri.path().strip_prefix(BASE).ok_or_else(Refusal::not_found)?;
        let decode = |part| percent_decode_str(part).decode_utf8_lossy().into_owned();
        // `query/?q=` is `query?q=`.
        let parts: Vec<String> = path.trim_end_matches('/').split('/').map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let query = Query::<HashMap<String, String>>::try_from_uri(uri).map(|Query(query)| query);
        let query = query.unwrap_or_default();
        match (method.as_str(), parts.as_slice()) {
            ("GET", ["limits"]) => Ok(Self::Limits),
            ("GET", ["sobjects", "Contact", id]) => Self::read(Target::Id(full_id(id)), &query),
            ("GET", ["sobjects", "Contact", KEY, key]) => Self::read(Target::Key((*key).to_owned()), &query),
            ("POST", ["composite", "sobjects", "Contact"]) => Self::read_many(json_body(body)?),
            ("GET", ["query" | "queryAll", page]) => Ok(Self::NextPage((*page).to_owned())),
            ("GET", [resource @ ("query" | "queryAll")]) => {
                let soql = query.get("q").ok_or_else(|| Refusal::bad("MALFORMED_QUERY", "no query"))?;
                Ok(Self::Query { soql: Soql::parse(soql)?, deleted_too: *resource == "queryAll" })
            }
            ("PATCH", ["sobjects", "Contact", id]) => {
                Ok(Self::Write { target: Target::Id(full_id(id)), values: json_body(body)? })
            }
            ("PATCH", ["sobjects", "Contact", KEY, key]) => {
                Ok(Self::Write { target: Target::Key((*key).to_owned()), values: json_body(body)? })
            }
            ("PATCH", ["composite", "sobjects", "Contact", KEY]) => Ok(Self::UpsertMany(json_body(body)?)),
            ("PATCH", ["composite", "sobjects"]) => Ok(Self::UpdateMany(json_body(body)?)),
            _ => Err(Refusal::not_found()),
        }
    }

    fn read(target: Target, query: &HashMap<String, String>) -> Result<Self, Refusal> {
        let split = |fields: &String| fields.split(',').map(|field| field.trim().to_owned()).collect();
        let fields: Option<Vec<String>> = query.get("fields").map(split);
        check_fields(fields.iter().flatten())?;
        Ok(Self::Read { target, fields })
    }

    fn read_many(ReadMany { ids, fields }: ReadMany) -> Result<Self, Refusal> {
        check_fields(&fields)?;
        Ok(Self::ReadMany { ids: ids.iter().map(|id| full_id(id)).collect(), fields })
    }

    /// Refuses a request that names more records than the org accepts at once.
    pub(crate) fn check_size(&self) -> Result<(), Refusal> {
        let (size, most) = match self {
            Self::ReadMany { ids, .. } => (ids.len(), MOST_IDS),
            Self::UpsertMany(batch) | Self::UpdateMany(batch) => (batch.records.len(), MOST_RECORDS),
            _ => return Ok(()),
        };
        if size > most { Err(too_many(most)) } else { Ok(()) }
    }

    pub(crate) fn is_write(&self) -> bool {
        matches!(self, Self::Write { .. } | Self::UpsertMany(_) | Self::UpdateMany(_))
    }

    /// The IDs and keys that the request names.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::Limits | Self::NextPage(_) => Vec::new(),
            Self::Read { target, .. } | Self::Write { target, .. } => match target {
                Target::Id(name) | Target::Key(name) => vec![name.clone()],
            },
            Self::ReadMany { ids, .. } => ids.clone(),
            Self::Query { soql, .. } => soql.texts(),
            Self::UpsertMany(batch) => batch.records.iter().filter_map(|record| text(record, KEY)).collect(),
            Self::UpdateMany(batch) => batch.records.iter().filter_map(record_id).collect(),
        }
    }
}

/// The ID in a record to update.
pub(crate) fn record_id(record: &Map<String, Value>) -> Option<String> {
    text(record, "id").or_else(|| text(record, "Id")).map(|id| full_id(&id))
}

/// A member that is text and not empty.
pub(crate) fn text(record: &Map<String, Value>, name: &str) -> Option<String> {
    record.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn too_many(most: usize) -> Refusal {
    let message = format!("record limit reached. cannot submit more than {most} records into this call");
    Refusal::bad("EXCEEDED_ID_LIMIT", message)
}

fn json_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad("JSON_PARSER_ERROR", error.to_string()))
}
