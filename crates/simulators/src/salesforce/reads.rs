//! Reads: one contact, many by ID, queries and their pages, and the limits.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use super::call::Target;
use super::contact::{BASE, SimulatedContact};
use super::fault::Fault;
use super::refusal::Refusal;
use super::soql::{Order, Soql};
use super::state::State;
use crate::listing_fault::PageAs;

/// `GET limits`.
pub(crate) fn limits(state: &State) -> Response {
    let remaining = state.daily_calls.saturating_sub(state.requests.total);
    Json(json!({ "DailyApiRequests": { "Max": state.daily_calls, "Remaining": remaining } })).into_response()
}

/// `GET sobjects/Contact/{id}`, and the same by key.
pub(crate) fn one(state: &State, target: &Target, fields: Option<&[String]>) -> Response {
    let contact = match target {
        Target::Id(id) => state.visible(id),
        Target::Key(key) => {
            let has_key = |contact: &&SimulatedContact| contact.person_key.as_ref() == Some(key);
            state.all_visible().filter(has_key).find(|contact| !contact.is_deleted)
        }
    };
    match (contact, fields) {
        (None, _) => Refusal::not_found().into_response(),
        (Some(contact), _) if contact.is_deleted => Refusal::deleted().into_response(),
        (Some(contact), None) => Json(contact.to_json()).into_response(),
        (Some(contact), Some(fields)) => Json(with_id(contact, fields)).into_response(),
    }
}

/// `POST composite/sobjects/Contact`: in the order of the IDs, `null` where nothing can be seen.
pub(crate) fn many(state: &State, ids: &[String], fields: &[String]) -> Response {
    let seen = |id| state.visible(id).filter(|contact| !contact.is_deleted);
    let fields = if state.requests.fault == Fault::Partial { &[] } else { fields };
    let found: Vec<Value> =
        ids.iter().map(|id| seen(id).map_or(Value::Null, |contact| with_id(contact, fields))).collect();
    Json(found).into_response()
}

/// `GET query` and `GET queryAll`: the first page.
pub(crate) fn query(state: &mut State, soql: &Soql, deleted_too: bool) -> Response {
    let mut found: Vec<&SimulatedContact> = state
        .all_visible()
        .filter(|contact| (deleted_too || !contact.is_deleted) && soql.matches(contact))
        .collect();
    // By ID they are already.
    if soql.order == Order::Modstamp {
        found.sort_by_key(|contact| (contact.system_modstamp, &contact.id));
    }
    found.truncate(soql.limit.unwrap_or(usize::MAX));
    let fields = || soql.fields.iter().map(String::as_str);
    let records: Vec<Value> = found.into_iter().map(|contact| contact.select(fields())).collect();
    if soql.order == Order::Id {
        return listed(state, records);
    }
    page(state, records.len(), records, if deleted_too { "queryAll" } else { "query" }, 0)
}

fn listed(state: &mut State, records: Vec<Value>) -> Response {
    match (state.requests.listing.next_page(), state.last_page.clone()) {
        (PageAs::Failed, _) => {
            let (status, code) = (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN_EXCEPTION");
            Refusal { status, code, message: "An unexpected error occurred".to_owned() }.into_response()
        }
        (PageAs::Empty, _) => {
            Json(json!({ "totalSize": records.len(), "done": true, "records": [] })).into_response()
        }
        (PageAs::TheOneBefore, Some(before)) => Json(before).into_response(),
        (PageAs::Usual | PageAs::TheOneBefore, _) => {
            let body = page_body(state, records.len(), records, "query", 0);
            state.last_page = Some(body.clone());
            Json(body).into_response()
        }
    }
}

/// `GET query/{page}`: as of the time of the query.
pub(crate) fn next_page(state: &mut State, name: &str) -> Response {
    let Some((total, rest)) = state.pages.get(name).cloned() else {
        return Refusal::bad("INVALID_QUERY_LOCATOR", "invalid query locator").into_response();
    };
    let before = total - rest.len();
    page(state, total, rest, "query", before)
}

fn page(state: &mut State, total: usize, records: Vec<Value>, resource: &str, before: usize) -> Response {
    Json(page_body(state, total, records, resource, before)).into_response()
}

fn page_body(
    state: &mut State,
    total: usize,
    mut records: Vec<Value>,
    resource: &str,
    before: usize,
) -> Value {
    let rest = records.split_off(state.page_size.min(records.len()));
    let mut body = json!({ "totalSize": total, "done": rest.is_empty(), "records": records });
    if !rest.is_empty() {
        let locator = &Uuid::new_v4().simple().to_string()[..13];
        let name = format!("01g9x{locator}-{}", before + records.len());
        body["nextRecordsUrl"] = format!("{BASE}{resource}/{name}").into();
        state.keep_page(name, total, rest);
    }
    body
}

/// The ID is given, asked for or not.
fn with_id(contact: &SimulatedContact, fields: &[String]) -> Value {
    contact.select(["Id"].into_iter().chain(fields.iter().map(String::as_str)))
}
