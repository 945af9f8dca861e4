//! `GET …/sync`: a first sync, its pages, and what has changed since its token.
//!
//! <https://www.contentful.com/developers/docs/references/content-delivery-api/#/reference/synchronization>

use std::collections::HashMap;
use std::ops::Bound;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::ContentfulControl;
use super::fault::PageFault;
use super::guard::error;
use super::state::{ENVIRONMENT, Key, State as Memory};
use crate::requests::with_status;

/// The meaning of a sync token.
#[derive(Debug, Clone)]
enum Place {
    /// The rest of a first sync, which began when `since` was the last change.
    First { since: u64, after: Option<Key> },
    /// What has changed since that change.
    Delta { since: u64 },
}

/// One page, and the link to the next page or to the next sync.
struct Page {
    items: Vec<Value>,
    next: Place,
    more: bool,
}

pub(crate) async fn sync(
    State(control): State<ContentfulControl>,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response {
    let (reply, gate) = {
        let mut state = control.lock();
        let fault = state.pages.next();
        (answer(&control.base_url(), &mut state, &parameters, fault), state.pages.gate())
    };
    if let Some(gate) = gate {
        gate.pass().await;
    }
    reply
}

fn answer(
    base: &str,
    state: &mut Memory,
    parameters: &HashMap<String, String>,
    fault: Option<PageFault>,
) -> Response {
    match fault {
        Some(PageFault::Status(status)) => {
            return with_status(status);
        }
        Some(PageFault::RateLimited { reset_secs }) => return too_many(reset_secs),
        _ => {}
    }
    let Some((limit, place)) = read(state, parameters) else {
        return error(StatusCode::BAD_REQUEST, "BadRequest");
    };
    let mut page = page(state, &place, limit);
    if state.largest_page.is_some_and(|largest| page.items.len() > largest) {
        return too_big();
    }
    match fault {
        Some(PageFault::Empty) => {
            (page.items, page.more) = (Vec::new(), false);
            page.next = Place::Delta { since: state.changes };
        }
        Some(PageFault::RepeatedItems) => page.items = state.last_items.clone(),
        Some(PageFault::LinkToItself) => (page.next, page.more) = (place, true),
        _ => {}
    }
    state.last_items = page.items.clone();
    let base = if fault == Some(PageFault::LinkElsewhere) { "https://elsewhere.example" } else { base };
    let space = state.space();
    let token = write(state.generation, limit, &page.next);
    let url = format!("{base}/spaces/{space}/environments/{ENVIRONMENT}/sync?sync_token={token}");
    let link = if page.more { "nextPageUrl" } else { "nextSyncUrl" };
    let headers = [("x-contentful-ratelimit-second-limit", "55")];
    (headers, Json(json!({ "sys": { "type": "Array" }, "items": page.items, link: url }))).into_response()
}

/// <https://www.contentful.com/developers/docs/references/content-delivery-api/#/introduction/api-rate-limits>
fn too_big() -> Response {
    let message = "Response size too big. Maximum allowed response size: 7340032B.";
    let body = json!({ "sys": { "type": "Error", "id": "BadRequest" }, "message": message, "requestId": "simulated" });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

fn too_many(reset_secs: u64) -> Response {
    let headers = [("x-contentful-ratelimit-reset", reset_secs.to_string())];
    (headers, error(StatusCode::TOO_MANY_REQUESTS, "RateLimitExceeded")).into_response()
}

fn page(state: &Memory, place: &Place, limit: usize) -> Page {
    match place {
        Place::First { since, after } => {
            let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let rest = state.resources.range((from, Bound::Unbounded));
            let mut shown =
                rest.filter(|(key, resource)| !resource.deleted && !state.hidden.contains(*key)).peekable();
            let page: Vec<_> = shown.by_ref().take(limit).collect();
            let items = page.iter().map(|(_, resource)| resource.json.clone()).collect();
            match (shown.peek(), page.last()) {
                (Some(_), Some((last, _))) => {
                    let next = Place::First { since: *since, after: Some((*last).clone()) };
                    Page { items, next, more: true }
                }
                _ => Page { items, next: Place::Delta { since: *since }, more: false },
            }
        }
        Place::Delta { since } => {
            let changed = state
                .resources
                .iter()
                .filter(|(key, resource)| resource.change > *since && !state.hidden.contains(*key));
            let mut changed: Vec<_> = changed.map(|(_, resource)| resource).collect();
            changed.sort_by_key(|resource| resource.change);
            let more = changed.len() > limit;
            changed.truncate(limit);
            let last = if more { changed.last().map_or(*since, |last| last.change) } else { state.changes };
            let items = changed.into_iter().map(|resource| resource.json.clone()).collect();
            Page { items, next: Place::Delta { since: last }, more }
        }
    }
}

/// A request with a token may have no other parameter.
fn read(state: &Memory, parameters: &HashMap<String, String>) -> Option<(usize, Place)> {
    if let Some(token) = parameters.get("sync_token") {
        return read_token(state.generation, token).filter(|_| parameters.len() == 1);
    }
    let limit = parameters.get("limit").map_or(Some(100), |text| text.parse().ok());
    let known = parameters.keys().all(|name| name == "initial" || name == "limit");
    let first = parameters.get("initial").is_some_and(|initial| initial == "true") && known;
    let place = Place::First { since: state.changes, after: None };
    limit.filter(|limit| first && (1..=1000).contains(limit)).map(|limit| (limit, place))
}

/// An opaque token with characters that must be encoded in a URL, because Contentful does not promise otherwise.
fn write(generation: u32, limit: usize, place: &Place) -> String {
    let text = match place {
        Place::First { since, after: None } => format!("{generation}|{limit}|{since}|"),
        Place::First { since, after: Some((kind, id)) } => {
            format!("{generation}|{limit}|{since}|{kind}|{id}")
        }
        Place::Delta { since } => format!("{generation}|{limit}|{since}"),
    };
    percent_encoding::utf8_percent_encode(&format!("w5&{text}="), percent_encoding::NON_ALPHANUMERIC)
        .to_string()
}

fn read_token(generation: u32, token: &str) -> Option<(usize, Place)> {
    let text = token.strip_prefix("w5&")?.strip_suffix('=')?;
    let parts: Vec<&str> = text.split('|').collect();
    let own = parts.first()?.parse() == Ok(generation);
    let limit = parts.get(1)?.parse().ok().filter(|_| own)?;
    let since = parts.get(2)?.parse().ok()?;
    let place = match parts.get(3..)? {
        [] => Place::Delta { since },
        [""] => Place::First { since, after: None },
        [kind, id] => {
            let kind = if *kind == "Asset" { "Asset" } else { "Entry" };
            Place::First { since, after: Some((kind, (*id).to_owned())) }
        }
        _ => return None,
    };
    Some((limit, place))
}
