//! Parses a request of the API: the operation, and the contacts that it names.

use std::collections::HashMap;

use axum::extract::Query;
use axum::http::{Method, Uri};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use super::search::Search;

const MOST_INPUTS: usize = 100;

/// The operation.
#[derive(Debug)]
pub(crate) enum Call {
    List { limit: usize, after: Option<u64>, shown: Shown },
    Read { id: String, by: Option<String>, shown: Shown },
    ReadMany { ids: Vec<String>, by: Option<String>, shown: Shown },
    Search(Search),
    Create(Input),
    UpdateOne(Input),
    Write { kind: WriteKind, inputs: Vec<Input> },
    Archive(Vec<String>),
    Merge { primary: String, other: String },
}

/// What of a contact a reply shows.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) properties: Option<Vec<String>>,
    pub(crate) archived: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteKind {
    Create,
    Update,
    Upsert,
}

/// One record to write.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    #[serde(default)]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) id_property: Option<String>,
    #[serde(default)]
    pub(crate) properties: Map<String, Value>,
    #[serde(default)]
    pub(crate) object_write_trace_id: Option<String>,
}

#[derive(Deserialize)]
struct Inputs<T> {
    /// A request without any is a success without a result.
    #[serde(default = "Vec::new")]
    inputs: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadMany {
    #[serde(default)]
    inputs: Vec<Id>,
    #[serde(default)]
    properties: Option<Vec<String>>,
    #[serde(default)]
    id_property: Option<String>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Merge {
    primary_object_id: String,
    object_id_to_merge: String,
}

impl Call {
    pub(crate) fn parse(method: &Method, uri: &Uri, body: &[u8]) -> Result<Self, Refusal> {
        let path = of_contacts(uri.path()).ok_or_else(Refusal::not_found)?;
        let decode = |part| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let query = Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(query)| query);
        let query = query.unwrap_or_default();
        let shown = shown(&query);
        let query: HashMap<String, String> = query.into_iter().collect();
        let by = query.get("idProperty").cloned();
        match (method.as_str(), parts.as_slice()) {
            ("GET", []) => {
                let number =
                    |name| query.get(name).map(|text| text.parse::<u64>().map_err(|_| Refusal::bad(name)));
                let limit = number("limit").transpose()?.unwrap_or(10);
                if limit > 100 {
                    return Err(Refusal::bad("limit must be at most 100"));
                }
                let limit = usize::try_from(limit).unwrap_or_default().max(1);
                Ok(Self::List { limit, after: number("after").transpose()?, shown })
            }
            ("POST", []) => Ok(Self::Create(json_body(body)?)),
            ("POST", ["search"]) => Ok(Self::Search(Search::parse(body)?)),
            ("POST", ["merge"]) => {
                let Merge { primary_object_id, object_id_to_merge } = json_body(body)?;
                Ok(Self::Merge { primary: primary_object_id, other: object_id_to_merge })
            }
            ("POST", ["batch", "read"]) => {
                let ReadMany { inputs, properties, id_property } = json_body(body)?;
                let ids: Vec<String> = inputs.into_iter().map(|input| input.id).collect();
                check_size(&ids)?;
                Ok(Self::ReadMany { ids, by: id_property, shown: Shown { properties, ..shown } })
            }
            ("POST", ["batch", "archive"]) => {
                let Inputs { inputs } = json_body::<Inputs<Id>>(body)?;
                check_size(&inputs)?;
                Ok(Self::Archive(inputs.into_iter().map(|input| input.id).collect()))
            }
            ("POST", ["batch", kind @ ("create" | "update" | "upsert")]) => {
                let kind = match *kind {
                    "create" => WriteKind::Create,
                    "update" => WriteKind::Update,
                    _ => WriteKind::Upsert,
                };
                let Inputs { inputs } = json_body(body)?;
                check_size(&inputs)?;
                Ok(Self::Write { kind, inputs })
            }
            ("GET", [id]) => Ok(Self::Read { id: (*id).to_owned(), by, shown }),
            ("PATCH", [id]) => {
                let input: Input = json_body(body)?;
                Ok(Self::UpdateOne(Input { id: Some((*id).to_owned()), id_property: by, ..input }))
            }
            ("DELETE", [id]) => Ok(Self::Archive(vec![(*id).to_owned()])),
            _ => Err(Refusal::not_found()),
        }
    }

    pub(crate) const fn is_write(&self) -> bool {
        match self {
            Self::List { .. } | Self::Read { .. } | Self::ReadMany { .. } | Self::Search(_) => false,
            Self::Create(_)
            | Self::UpdateOne(_)
            | Self::Write { .. }
            | Self::Archive(_)
            | Self::Merge { .. } => true,
        }
    }

    /// The IDs and values of unique properties that the request names.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::List { .. } | Self::Search(_) | Self::Create(_) => Vec::new(),
            Self::Read { id, .. } => vec![id.clone()],
            Self::ReadMany { ids, .. } | Self::Archive(ids) => ids.clone(),
            Self::UpdateOne(input) => input.id.clone().into_iter().collect(),
            Self::Write { inputs, .. } => inputs.iter().filter_map(|input| input.id.clone()).collect(),
            Self::Merge { primary, other } => vec![primary.clone(), other.clone()],
        }
    }
}

/// The rest of a path below `/crm/v3/objects/contacts` or `/crm/objects/2026-09/contacts`.
fn of_contacts(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/crm/v3/objects/contacts").or_else(|| {
        let (version, rest) = path.strip_prefix("/crm/objects/")?.split_once('/')?;
        let dated = version.len() == 7 && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        rest.strip_prefix("contacts").filter(|_| dated)
    })?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

fn shown(query: &[(String, String)]) -> Shown {
    let all =
        |wanted: &'static str| query.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| value);
    // A list with commas, or the parameter several times, as the vendor's client sends it.
    let split = |names: &String| names.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
    let properties: Vec<String> = all("properties").flat_map(split).collect();
    Shown {
        properties: (!properties.is_empty()).then_some(properties),
        archived: all("archived").any(|archived| archived == "true"),
    }
}

fn check_size<T>(inputs: &[T]) -> Result<(), Refusal> {
    if inputs.len() > MOST_INPUTS {
        Err(Refusal::bad(format!(
            "The maximum number of inputs supported in a batch request is {MOST_INPUTS}"
        )))
    } else {
        Ok(())
    }
}

pub(crate) fn json_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad(format!("Invalid input JSON: {error}")))
}
