//! Writes: one contact, many, archiving and merging, with the errors of each record.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Map, Value};

use super::call::{Input, Shown, WriteKind};
use super::contact::{KEY_PROPERTY, SYSTEM, SimulatedContact, WRITABLE};
use super::events::Change;
use super::reads::{batch, find};
use super::refusal::{BadValue, Refusal};
use super::state::State;

/// A record that was written.
struct Written {
    contact: SimulatedContact,
    created: bool,
}

const WRITTEN: Shown = Shown { properties: None, archived: false };

/// `POST`.
pub(crate) fn create(state: &mut State, input: &Input) -> Response {
    match create_one(state, &input.properties) {
        Ok(written) => (StatusCode::CREATED, Json(WRITTEN.record(&written.contact))).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// `PATCH {id}`.
pub(crate) fn update(state: &mut State, input: &Input) -> Response {
    match update_one(state, input) {
        Ok(Some(written)) => Json(WRITTEN.record(&written.contact)).into_response(),
        Ok(None) => Refusal::not_found().into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// `POST batch/create`, `batch/update` and `batch/upsert`.
pub(crate) fn many(state: &mut State, kind: WriteKind, inputs: &[Input]) -> Response {
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for input in inputs {
        let written = match kind {
            WriteKind::Create => create_one(state, &input.properties).map(Some),
            WriteKind::Update => update_one(state, input),
            WriteKind::Upsert => upsert_one(state, input).map(Some),
        };
        match written {
            Ok(Some(written)) => {
                let mut record = WRITTEN.record(&written.contact);
                if let Some(trace) = &input.object_write_trace_id {
                    record["objectWriteTraceId"] = trace.as_str().into();
                }
                if kind == WriteKind::Upsert {
                    record["new"] = written.created.into();
                }
                results.push(record);
            }
            // A contact that was merged into another drops out of the results.
            Ok(None) => {}
            Err(refusal) if state.multi_status || refusal.status == StatusCode::NOT_FOUND => {
                errors.push(refusal);
            }
            // The first error ends the batch, and is all that the reply names.
            Err(refusal) => return refusal.into_response(),
        }
    }
    results.reverse();
    // As the vendor's specification says. An upsert that creates was seen with 201, too.
    let status = if kind == WriteKind::Create { StatusCode::CREATED } else { StatusCode::OK };
    batch(status, results, &errors)
}

/// `DELETE {id}` and `POST batch/archive`. One that is not there is no error.
pub(crate) fn archive(state: &mut State, ids: &[String]) -> Response {
    for id in ids.iter().filter_map(|id| id.parse().ok()) {
        if state.contact(id).is_some_and(|contact| contact.archived_at.is_none()) {
            state.set_archived(id, true);
        }
    }
    StatusCode::NO_CONTENT.into_response()
}

/// `POST merge`.
pub(crate) fn merge(state: &mut State, primary: &str, other: &str) -> Response {
    let id = |text: &str| {
        let id = text.parse().ok()?;
        state.contact(id).filter(|contact| contact.archived_at.is_none()).map(|contact| contact.id)
    };
    match (id(primary), id(other)) {
        (Some(primary), Some(other)) if primary != other => match state.merge(primary, other) {
            Some(left) => Json(WRITTEN.record(&left)).into_response(),
            None => Refusal::not_found().into_response(),
        },
        (Some(_), Some(_)) => Refusal::bad("A contact is not merged with itself").into_response(),
        _ => Refusal::not_found().into_response(),
    }
}

fn create_one(state: &mut State, properties: &Map<String, Value>) -> Result<Written, Refusal> {
    let is_missing = |name: &&String| properties.get(*name).and_then(Value::as_str).is_none_or(str::is_empty);
    let missing = |name: &String| BadValue {
        property: name.clone(),
        code: "MISSING_REQUIRED_PROPERTY",
        message: format!("{name} is required"),
    };
    let missing: Vec<BadValue> = state.required.iter().filter(is_missing).map(missing).collect();
    if !missing.is_empty() {
        return Err(Refusal::values(&missing));
    }
    let id = state.new_id();
    let contact = changed(state, SimulatedContact::bare(id), properties)?;
    state.created.push(id);
    Ok(Written { contact: by_client(state, Change::Created, contact, properties), created: true })
}

fn update_one(state: &mut State, input: &Input) -> Result<Option<Written>, Refusal> {
    let id = input.id.as_deref().ok_or_else(|| Refusal::bad("id is required"))?;
    if input.id_property.as_deref() == Some("hs_object_id") {
        return Err(Refusal::bad("hs_object_id is not a unique property"));
    }
    let found =
        find(state, id, input.id_property.as_deref())?.filter(|contact| contact.archived_at.is_none());
    let contact = found.ok_or_else(|| Refusal::missing(&[id.to_owned()]))?.clone();
    if input.id_property.is_none() && contact.id.to_string() != id {
        return Ok(None);
    }
    let contact = changed(state, contact, &input.properties)?;
    Ok(Some(Written {
        contact: by_client(state, Change::Updated, contact, &input.properties),
        created: false,
    }))
}

fn upsert_one(state: &mut State, input: &Input) -> Result<Written, Refusal> {
    let id = input.id.as_deref().ok_or_else(|| Refusal::bad("id is required"))?;
    let property = input.id_property.as_deref().unwrap_or("hs_object_id");
    if !matches!(property, "email" | KEY_PROPERTY) {
        return Err(Refusal::bad(format!("{property} is not a unique property")));
    }
    match find(state, id, Some(property))?.cloned() {
        Some(contact) => {
            let contact = changed(state, contact, &input.properties)?;
            Ok(Written {
                contact: by_client(state, Change::Updated, contact, &input.properties),
                created: false,
            })
        }
        None => {
            let mut properties = input.properties.clone();
            properties.insert(property.to_owned(), id.into());
            create_one(state, &properties)
        }
    }
}

/// Stores what a client made of a contact by writing these properties.
fn by_client(
    state: &mut State,
    change: Change,
    contact: SimulatedContact,
    properties: &Map<String, Value>,
) -> SimulatedContact {
    let contact = state.commit(change, contact);
    if let Some(origins) = state.origins(contact.id) {
        properties.keys().for_each(|name| origins.client_wrote(name, contact.get(name)));
    }
    contact
}

/// The contact with these values, if the account accepts them.
fn changed(
    state: &State,
    mut contact: SimulatedContact,
    properties: &Map<String, Value>,
) -> Result<SimulatedContact, Refusal> {
    let mut bad = Vec::new();
    for (name, value) in properties {
        let mut refuse = |code, message: String| bad.push(BadValue { property: name.clone(), code, message });
        if SYSTEM.contains(&name.as_str()) {
            refuse("READ_ONLY_VALUE", format!("\"{name}\" is a read only property"));
            continue;
        }
        if !WRITABLE.contains(&name.as_str()) {
            refuse("PROPERTY_DOESNT_EXIST", format!("Property \"{name}\" does not exist"));
            continue;
        }
        let Some(value) = value.as_str() else {
            refuse("INVALID_STRING", format!("{value} was not a valid string"));
            continue;
        };
        let other = state.by_unique(name, value).filter(|other| other.id != contact.id);
        match (name.as_str(), other) {
            _ if value.is_empty() => {
                contact.properties.remove(name);
            }
            ("email", _) if !is_email(value) => {
                refuse("INVALID_EMAIL", format!("Email address {value} is invalid"));
            }
            ("email", Some(other)) => return Err(Refusal::conflict(other.id)),
            (KEY_PROPERTY, Some(other)) => {
                refuse("CONFLICTING_UNIQUE_VALUE", format!("{} already has the value {value}", other.id));
            }
            // A rule of the account: no angle brackets.
            ("firstname" | "lastname", _) if value.bytes().any(|byte| matches!(byte, b'<' | b'>')) => {
                refuse("INVALID_ALPHA", format!("{value}: only the alphabet is allowed"));
            }
            _ => {
                contact.properties.insert(name.clone(), value.to_owned());
            }
        }
    }
    if bad.is_empty() { Ok(contact) } else { Err(Refusal::values(&bad)) }
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
}
