//! Writes: one contact by key or ID, and batches of either kind, with the errors of each record.

use std::collections::HashSet;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Map, Value, json};
use time::Date;
use time::macros::format_description;

use super::call::{Batch, Target, record_id, text};
use super::contact::{FIELDS, KEY, SYSTEM_FIELDS, SimulatedContact, field};
use super::events::{ChangeKind, Transaction};
use super::fault::Fault;
use super::refusal::Refusal;
use super::state::State;

type Values = Map<String, Value>;

/// Why a record was not written.
struct Failure {
    code: &'static str,
    message: String,
    fields: Vec<String>,
}

/// A record that was written.
struct Written {
    id: String,
    created: bool,
}

/// `PATCH sobjects/Contact/Person_Key__c/{key}` and `PATCH sobjects/Contact/{id}`.
pub(crate) fn one(
    state: &mut State,
    transaction: &mut Transaction,
    target: &Target,
    values: &Values,
) -> Response {
    if let (Target::Key(_), true) = (target, values.contains_key(KEY)) {
        let message = format!("The {KEY} field should not be specified in the sobject data.");
        return Refusal::bad("INVALID_FIELD", message).into_response();
    }
    if let Target::Id(id) = target {
        match state.contact(id) {
            None => return Refusal::not_found().into_response(),
            Some(contact) if contact.is_deleted => return Refusal::deleted().into_response(),
            Some(_) => {}
        }
    }
    match (write(state, transaction, target, values), target) {
        (Ok(_), Target::Id(_)) => StatusCode::NO_CONTENT.into_response(),
        (Ok(written), Target::Key(_)) => {
            let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
            (status, Json(success(&written, true))).into_response()
        }
        (Err(failure), _) => {
            let body =
                json!([{ "message": failure.message, "errorCode": failure.code, "fields": failure.fields }]);
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

/// `PATCH composite/sobjects/Contact/Person_Key__c`.
pub(crate) fn upsert_many(state: &mut State, transaction: &mut Transaction, batch: &Batch) -> Response {
    let mut seen = HashSet::new();
    many(state, transaction, batch, true, |record| {
        let key = text(record, KEY)
            .ok_or_else(|| failure("MISSING_ARGUMENT", format!("{KEY} not specified"), &[]))?;
        if !seen.insert(key.clone()) {
            return Err(failure(
                "DUPLICATE_VALUE",
                format!("Duplicate external id specified: {key}"),
                &[KEY],
            ));
        }
        Ok(Target::Key(key))
    })
}

/// `PATCH composite/sobjects`.
pub(crate) fn update_many(state: &mut State, transaction: &mut Transaction, batch: &Batch) -> Response {
    many(state, transaction, batch, false, |record| {
        let id = record_id(record)
            .ok_or_else(|| failure("MISSING_ARGUMENT", "Id not specified in an update call", &[]))?;
        Ok(Target::Id(id))
    })
}

fn many(
    state: &mut State,
    transaction: &mut Transaction,
    batch: &Batch,
    upsert: bool,
    mut target: impl FnMut(&Values) -> Result<Target, Failure>,
) -> Response {
    let before = (state.contacts.clone(), state.events.len(), state.created.len());
    let mut results: Vec<Result<Written, Failure>> = Vec::new();
    for record in &batch.records {
        let written = check_type(record).and_then(|()| target(record)).and_then(|target| {
            let mut values = record.clone();
            let named: &[&str] = if upsert { &[KEY] } else { &["id", "Id"] };
            values.retain(|name, _| !named.contains(&name.as_str()));
            write(state, transaction, &target, &values)
        });
        results.push(written);
    }
    if batch.all_or_none && results.iter().any(Result::is_err) {
        state.contacts = before.0;
        state.events.truncate(before.1);
        state.created.truncate(before.2);
        for result in results.iter_mut().filter(|result| result.is_ok()) {
            let message = "Record rolled back because not all records were valid and the request was using \
                           AllOrNone header";
            *result = Err(failure("ALL_OR_NONE_OPERATION_ROLLED_BACK", message, &[]));
        }
    }
    let body: Vec<Value> = results
        .iter()
        .map(|result| match result {
            Ok(written) => success(written, upsert),
            Err(failure) => {
                let error = json!({ "statusCode": failure.code, "message": failure.message,
                                    "fields": failure.fields });
                json!({ "success": false, "errors": [error] })
            }
        })
        .collect();
    Json(body).into_response()
}

fn success(written: &Written, upsert: bool) -> Value {
    let mut body = json!({ "id": written.id, "success": true, "errors": [] });
    if upsert {
        body["created"] = written.created.into();
    }
    body
}

/// Writes one record, whether or not that changes anything.
fn write(
    state: &mut State,
    transaction: &mut Transaction,
    target: &Target,
    values: &Values,
) -> Result<Written, Failure> {
    let present = match target {
        Target::Key(key) => state.by_key(key),
        Target::Id(id) => match state.contact(id) {
            None => return Err(failure("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[])),
            Some(contact) if contact.is_deleted => {
                return Err(failure("ENTITY_IS_DELETED", "entity is deleted", &[]));
            }
            contact => contact,
        },
    }
    .cloned();
    if state.requests.fault == Fault::RowLocked {
        let of = present.as_ref().map_or("0019x00000SimAcctAAG", |contact| &contact.id);
        let message = format!("unable to obtain exclusive access to this record or 1 records: {of}");
        return Err(failure("UNABLE_TO_LOCK_ROW", message, &[]));
    }
    let created = present.is_none();
    let mut contact = present.unwrap_or_else(|| SimulatedContact::bare(state.new_id(), String::new()));
    if let Target::Key(key) = target {
        contact.person_key = Some(key.clone());
    }
    for (name, value) in values.iter().filter(|(name, _)| *name != "attributes") {
        set(&mut contact, name, value)?;
    }
    if contact.last_name.is_empty() {
        let message = "Required fields are missing: [LastName]";
        return Err(failure("REQUIRED_FIELD_MISSING", message, &["LastName"]));
    }
    if let Some(other) = state.duplicate_of(&contact) {
        let message =
            format!("duplicate value found: {KEY} duplicates value on record with id: {}", other.id);
        return Err(failure("DUPLICATE_VALUE", message, &[KEY]));
    }
    let kind = if created { ChangeKind::Created } else { ChangeKind::Updated };
    let contact = state.commit(kind, contact, transaction).contact;
    let id = contact.id.clone();
    if let Some(record) = state.contacts.get_mut(&id) {
        for known in FIELDS.iter().filter(|known| values.contains_key(known.name)) {
            record.origins.client_wrote(known.name, (known.get)(&contact));
        }
    }
    if created {
        state.created.push(id.clone());
    }
    Ok(Written { id, created })
}

fn set(contact: &mut SimulatedContact, name: &str, value: &Value) -> Result<(), Failure> {
    if SYSTEM_FIELDS.contains(&name) {
        let message = format!(
            "Unable to create/update fields: {name}. Please check the security settings of \
                               this field and verify that it is read/write for your profile or permission set."
        );
        return Err(failure("INVALID_FIELD_FOR_INSERT_UPDATE", message, &[name]));
    }
    let Some(field) = field(name) else {
        return Err(failure(
            "INVALID_FIELD",
            format!("No such column '{name}' on sobject of type Contact"),
            &[],
        ));
    };
    let text = match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        _ => {
            return Err(failure("JSON_PARSER_ERROR", format!("Cannot deserialize {name} from {value}"), &[]));
        }
    };
    if let Some(text) = &text {
        check_text(name, field.max_length, text)?;
    }
    (field.set)(contact, text);
    Ok(())
}

fn check_text(name: &str, max_length: usize, text: &str) -> Result<(), Failure> {
    let date = format_description!("[year]-[month]-[day]");
    match name {
        "Birthdate" if Date::parse(text, date).is_err() => {
            Err(failure("JSON_PARSER_ERROR", "Cannot deserialize instance of date from VALUE_STRING", &[]))
        }
        "Email"
            if !text.split_once('@').is_some_and(|(local, host)| !local.is_empty() && host.contains('.')) =>
        {
            Err(failure("INVALID_EMAIL_ADDRESS", format!("Email: invalid email address: {text}"), &["Email"]))
        }
        _ if text.chars().count() > max_length => {
            let message = format!("{name}: data value too large: {text} (max length={max_length})");
            Err(failure("STRING_TOO_LONG", message, &[name]))
        }
        _ => Ok(()),
    }
}

fn check_type(record: &Values) -> Result<(), Failure> {
    match record.get("attributes").and_then(|attributes| attributes["type"].as_str()) {
        Some("Contact") => Ok(()),
        other => {
            let message = format!("sObject type '{}' is not supported.", other.unwrap_or_default());
            Err(failure("INVALID_TYPE", message, &[]))
        }
    }
}

fn failure(code: &'static str, message: impl Into<String>, fields: &[&str]) -> Failure {
    let fields = fields.iter().map(|&field| field.to_owned()).collect();
    Failure { code, message: message.into(), fields }
}
