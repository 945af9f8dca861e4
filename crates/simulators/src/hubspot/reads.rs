//! Reads: one contact, many, and the listing.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::call::Shown;
use super::contact::{KEY_PROPERTY, SimulatedContact, USUAL, timestamp};
use super::refusal::Refusal;
use super::state::State;
use crate::listing_fault::PageAs;

impl Shown {
    pub(crate) fn record(&self, contact: &SimulatedContact) -> Value {
        match &self.properties {
            Some(names) => contact.to_json(names.iter().map(String::as_str)),
            None => contact.to_json(USUAL),
        }
    }
}

/// The contact that a request names, by its ID or by the value of a unique property.
pub(crate) fn find<'a>(
    state: &'a State,
    id: &str,
    by: Option<&str>,
) -> Result<Option<&'a SimulatedContact>, Refusal> {
    match by {
        None | Some("hs_object_id") => Ok(id.parse().ok().and_then(|id| state.visible(id))),
        Some(property @ ("email" | KEY_PROPERTY)) => Ok(state.by_unique(property, id)),
        Some(other) => Err(Refusal::bad(format!("{other} is not a unique property"))),
    }
}

/// `GET {id}`.
pub(crate) fn one(state: &State, id: &str, by: Option<&str>, shown: &Shown) -> Response {
    match find(state, id, by) {
        Ok(Some(contact)) if contact.archived_at.is_some() == shown.archived => {
            Json(shown.record(contact)).into_response()
        }
        Ok(_) => Refusal::not_found().into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// `POST batch/read`. The results come in an order of their own.
pub(crate) fn many(state: &State, ids: &[String], by: Option<&str>, shown: &Shown) -> Response {
    let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
    for id in ids {
        match find(state, id, by) {
            Ok(Some(contact)) if contact.archived_at.is_some() == shown.archived => {
                found.insert(contact.id, shown.record(contact));
            }
            Ok(_) => missing.push(id.clone()),
            Err(refusal) => return refusal.into_response(),
        }
    }
    let results: Vec<Value> = found.into_values().rev().collect();
    let errors = if missing.is_empty() { Vec::new() } else { vec![Refusal::missing(&missing)] };
    batch(StatusCode::OK, results, &errors)
}

/// The reply to a batch. With an error of a record its status is 207.
pub(crate) fn batch(status: StatusCode, results: Vec<Value>, errors: &[Refusal]) -> Response {
    let now = timestamp(OffsetDateTime::now_utc());
    let mut body = json!({"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now});
    if errors.is_empty() {
        return (status, Json(body)).into_response();
    }
    body["numErrors"] = errors.len().into();
    body["errors"] = errors.iter().map(Refusal::to_entry).collect::<Vec<_>>().into();
    (StatusCode::MULTI_STATUS, Json(body)).into_response()
}

/// `GET`. The cursor is an ID.
pub(crate) fn list(
    state: &mut State,
    limit: usize,
    after: Option<u64>,
    shown: &Shown,
    base: &str,
) -> Response {
    let page_as = state.requests.listing.next_page();
    match (page_as, &state.last_page) {
        (PageAs::Failed, _) => return Refusal::down(StatusCode::INTERNAL_SERVER_ERROR).into_response(),
        (PageAs::Empty, _) => return Json(json!({ "results": [] })).into_response(),
        (PageAs::TheOneBefore, Some(page)) => return Json(page.clone()).into_response(),
        _ => {}
    }
    let listed = |contact: &&SimulatedContact| contact.archived_at.is_some() == shown.archived;
    let is_later = |contact: &&SimulatedContact| after.is_none_or(|after| contact.id >= after);
    let mut rest: Vec<&SimulatedContact> =
        state.all_visible().filter(listed).filter(is_later).take(limit + 1).collect();
    let next = (rest.len() > limit).then(|| rest.pop()).flatten().map(|contact| contact.id.to_string());
    let results: Vec<Value> = rest.into_iter().map(|contact| shown.record(contact)).collect();
    let mut body = json!({ "results": results });
    if let Some(next) = next {
        let link = format!("{base}/crm/v3/objects/contacts?limit={limit}&after={next}");
        body["paging"] = json!({"next": {"after": next, "link": link}});
    }
    state.last_page = Some(body.clone());
    Json(body).into_response()
}
