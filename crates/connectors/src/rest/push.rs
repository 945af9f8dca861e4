//! Writes to a described API. In: the table `push` of a source, and values by the places from which they are read. Out: the record's ID,
//! and the properties that the API refuses. A value is written where the source's `map` reads it, so that what comes back is an echo.

use std::collections::BTreeMap;

use provider_http::json::Json;
use provider_http::{Answer, Outage, ProviderError, ProviderHttp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};

use super::compile::{Compiler, KEY};
use super::description::{MapEntry, RestConfig};
use super::item::id;
use super::path::{ListPath, Path, member_paths};
use super::template::{Target, Template};
use crate::{RecordWrite, RefusedProperty, Written};

/// The API's paths of writes and searches do not exist. That must not look like a record that is gone.
const NO_SUCH_PATH: ProviderError = ProviderError::Refused { code: "NOT_FOUND", names_record: false };

/// The record with the given ID does not exist, and none may be created.
const GONE: ProviderError = ProviderError::Invalid { status: 404 };

/// Another writer has just created the record. The next try finds it.
const BUSY: ProviderError = ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };

/// Several records have our key. Which one is meant, an operator decides.
const NOT_UNIQUE: ProviderError = ProviderError::Refused { code: "KEY_NOT_UNIQUE", names_record: true };

/// How the API accepts our values. `map.key` says where it keeps our key, and each pushed field is written where `map` reads it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PushTable {
    /// Writes one record.
    pub update: UpdateTable,
    /// Creates a record. Left out: no record is created. Needs `find`.
    pub create: Option<CreateTable>,
    /// Finds a record by our key. Left out: only records that we know are written.
    pub find: Option<FindTable>,
    /// Where a body has the record, as a JSON pointer such as `/data`. Left out: it is the record.
    pub body: Option<String>,
}

/// The write of one record.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateTable {
    /// The path, with `{id}`.
    pub path: String,
    /// The method, which must leave values alone that the body lacks.
    #[serde(default = "patch")]
    pub method: UpdateMethod,
}

const fn patch() -> UpdateMethod {
    UpdateMethod::Patch
}

/// A method that changes a part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpdateMethod {
    /// `PATCH`.
    Patch,
    /// `POST`.
    Post,
}

/// The creation of a record, with `POST`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTable {
    /// The path.
    pub path: String,
    /// Where the answer has the new record's ID.
    #[serde(default = "id_path")]
    pub id: String,
    /// Statuses that prove that a record with our key exists already.
    #[serde(default = "conflict")]
    #[schemars(schema_with = "conflicts")]
    pub exists: Vec<u16>,
}

fn id_path() -> String {
    String::from("$.id")
}

fn conflict() -> Vec<u16> {
    vec![409]
}

fn conflicts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"enum": [400, 409, 412, 422]}, "uniqueItems": true})
}

/// The search for a record by our key.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindTable {
    /// The path, with `{key}`.
    pub path: String,
    /// Where the answer has the list of what was found: a path that ends with `[*]`.
    pub items: String,
    /// Where an item has its record's ID.
    #[serde(default = "id_path")]
    pub id: String,
}

/// How values are written, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Pushes {
    update: Template,
    method: UpdateMethod,
    create: Option<(Template, Path, Vec<u16>)>,
    find: Option<(Template, ListPath, Path)>,
    body: String,
    key: String,
    /// The place of each field that can be written, as a JSON pointer.
    pub(crate) places: BTreeMap<String, String>,
}

/// `Some(None)`: nothing is described. `None`: the compiler has what is wrong.
pub(super) fn compile(compiler: &mut Compiler, config: &RestConfig) -> Option<Option<Pushes>> {
    let Some(table) = &config.push else { return Some(None) };
    let update = compiler.read("/push/update/path", Template::parse(&table.update.path, "id"));
    let create = match &table.create {
        Some(create) => {
            let path = compiler.read("/push/create/path", Template::parse(&create.path, ""));
            let id = compiler.path("/push/create/id", &create.id);
            Some((path?, id?, create.exists.clone()))
        }
        None => None,
    };
    let find = match &table.find {
        Some(find) => {
            let path = compiler.read("/push/find/path", Template::parse(&find.path, "key"));
            let items = compiler.read("/push/find/items", ListPath::parse(&find.items));
            let id = compiler.path("/push/find/id", &find.id);
            Some((path?, items?, id?))
        }
        None => None,
    };
    if create.is_some() && find.is_none() {
        compiler
            .fault("/push/create", "needs find: a create that was cut off must not be made a second time");
    }
    let body = table.body.clone().unwrap_or_default();
    if !body.is_empty() && (!body.starts_with('/') || body.ends_with('/') || body.contains(['~', '['])) {
        compiler.fault("/push/body", "must be a JSON pointer to an object, such as /data");
    }
    let places: BTreeMap<String, String> =
        config.map.iter().filter_map(|(field, entry)| Some((field.clone(), place(entry)?))).collect();
    let Some(key) = places.get(KEY).cloned() else {
        compiler
            .fault("/push", "needs map.key: the member in which the API keeps our key, such as $.coppice_id");
        return None;
    };
    Some(Some(Pushes { update: update?, method: table.update.method, create, find, body, key, places }))
}

/// Where a value is, if one member of a record is the value as it stands: `/name/first` for `$.name.first`.
fn place(entry: &MapEntry) -> Option<String> {
    let path = match entry {
        MapEntry::Path(path) => path,
        MapEntry::Table(table) if table.is_only_a_path() => table.path.as_ref()?,
        MapEntry::Table(_) => return None,
    };
    let members = member_paths(path)?;
    let [members] = members.as_slice() else { return None };
    // A pointer would have to escape them.
    (!members.contains(['~', '/'])).then(|| format!("/{}", members.replace('.', "/")))
}

impl Pushes {
    /// Writes the record with the ID, else the one with our key, else a new one.
    ///
    /// # Errors
    /// As [`Push::upsert`](crate::Push::upsert).
    pub(crate) async fn upsert(
        &self,
        http: &ProviderHttp,
        write: &RecordWrite,
    ) -> Result<Written, ProviderError> {
        if let Some(id) = &write.id {
            return self.update(http, id, write).await;
        }
        if let Some(id) = self.find(http, &write.external_key).await? {
            return self.update(http, &id, write).await;
        }
        let Some((path, id_at, exists)) = &self.create else { return Err(GONE) };
        let target = path.plain();
        match self.post(http, &target, &self.body(&write.values, &write.external_key)).await {
            Ok(reply) => {
                let (reply, _) = reply.into_value();
                // A reply without the ID is no proof that nothing was created.
                let id = match id(id_at, &reply) {
                    Some(id) => Some(id),
                    None => self.find(http, &write.external_key).await?,
                };
                let id = id.ok_or(ProviderError::Unreadable { field: "id" })?;
                Ok(Written { id, created: true, refused: Vec::new() })
            }
            Err(ProviderError::Invalid { status }) if exists.contains(&status) => {
                match self.find(http, &write.external_key).await? {
                    Some(id) => self.update(http, &id, write).await,
                    // By status 400 or 422, the API may also have refused a value.
                    None if status == 409 => Err(BUSY),
                    None => Err(ProviderError::Invalid { status }),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn find(&self, http: &ProviderHttp, key: &str) -> Result<Option<String>, ProviderError> {
        let Some((path, items, id_at)) = &self.find else { return Ok(None) };
        let target = path.with(key);
        let answer: Answer<Json> = http.get_json(&target.segments(), &target.pairs(), None).await?;
        let Answer::Found { value, .. } = answer else { return Err(NO_SUCH_PATH) };
        let (reply, _) = value.into_value();
        let found = items.items(&reply).ok_or(ProviderError::WHOLE_REPLY_MALFORMED)?;
        match found.as_slice() {
            [] => Ok(None),
            [one] => id(id_at, one).map(Some).ok_or(ProviderError::Unreadable { field: "id" }),
            _ => Err(NOT_UNIQUE),
        }
    }

    /// Writes all values in one call. If the API refuses that, each is written alone, so that one costs no other.
    async fn update(
        &self,
        http: &ProviderHttp,
        id: &str,
        write: &RecordWrite,
    ) -> Result<Written, ProviderError> {
        let target = self.update.with(id);
        let mut refused = Vec::new();
        match self.send(http, &target, &self.body(&write.values, &write.external_key)).await {
            Err(ProviderError::Invalid { status: 400 | 422 }) if write.values.len() > 1 => {
                for (property, value) in &write.values {
                    let alone = BTreeMap::from([(property.clone(), value.clone())]);
                    match self.send(http, &target, &self.body(&alone, &write.external_key)).await {
                        Ok(()) => {}
                        Err(ProviderError::Invalid { status: 400 | 422 }) => {
                            refused
                                .push(RefusedProperty { property: property.clone(), code: "INVALID_VALUE" });
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            other => other?,
        }
        Ok(Written { id: id.to_owned(), created: false, refused })
    }

    async fn send(&self, http: &ProviderHttp, target: &Target, body: &Value) -> Result<(), ProviderError> {
        let (segments, query) = (target.segments(), target.pairs());
        let answer: Answer<Json> = match self.method {
            UpdateMethod::Patch => http.patch_json(&segments, &query, body).await?,
            UpdateMethod::Post => http.post_json(&segments, &query, body).await?,
        };
        match answer {
            Answer::Found { .. } | Answer::NotModified => Ok(()),
            Answer::NotFound | Answer::Gone => Err(GONE),
        }
    }

    async fn post(&self, http: &ProviderHttp, target: &Target, body: &Value) -> Result<Json, ProviderError> {
        match http.post_json(&target.segments(), &target.pairs(), body).await? {
            Answer::Found { value, .. } => Ok(value),
            Answer::NotModified | Answer::NotFound | Answer::Gone => Err(NO_SUCH_PATH),
        }
    }

    /// Our key and the values, each in its place.
    fn body(&self, values: &BTreeMap<String, Option<String>>, key: &str) -> Value {
        let mut body = json!({});
        put(&mut body, &format!("{}{}", self.body, self.key), Value::from(key));
        for (place, value) in values {
            put(&mut body, &format!("{}{place}", self.body), json!(value));
        }
        body
    }
}

/// Puts a value at a pointer, and makes the objects on the way.
fn put(body: &mut Value, pointer: &str, value: Value) {
    let mut at = body;
    for member in pointer.split('/').skip(1) {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[member];
    }
    *at = value;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_written_where_it_is_read_if_that_is_one_member_as_it_stands() {
        let entry = |value: Value| place(&serde_json::from_value(value).unwrap());
        for (map, expected) in [
            (json!("$.email"), Some("/email")),
            (json!("$.name['first-name']"), Some("/name/first-name")),
            (json!({"path": "$.name.first"}), Some("/name/first")),
            (json!("$.emails[0]"), None),
            (json!("$.emails[*].value"), None),
            (json!({"path": "$.name", "trim": true}), None),
            (json!({"first": ["$.a", "$.b"]}), None),
            (json!({"path": "$.a", "when": "$.b"}), None),
        ] {
            assert_eq!(entry(map.clone()).as_deref(), expected, "{map}");
        }
    }

    #[test]
    fn values_stand_in_their_places_below_the_body_s_own() {
        let mut body = json!({});
        put(&mut body, "/data/name/first", json!("Tove"));
        put(&mut body, "/data/name/last", Value::Null);
        put(&mut body, "/data/key", json!("P-1"));
        assert_eq!(body, json!({"data": {"name": {"first": "Tove", "last": null}, "key": "P-1"}}));
    }
}
