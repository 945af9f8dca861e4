//! The route: `GET` and `SEARCH` of `/items/{collection}`, as a list or as its count. A request line of more than 8 KiB
//! is refused, as many a proxy does.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::DirectusControl;
use super::filter::{compare, passes};
use super::state::{PageFault, State as Records};
use crate::requests::with_status;
use crate::simulator::Provider;

const LONGEST_REQUEST_LINE: usize = 8192;

impl Provider for Records {
    fn router(control: DirectusControl) -> Router {
        Router::new().route("/items/{collection}", any(items)).with_state(control)
    }
}

async fn items(
    State(control): State<DirectusControl>,
    Path(collection): Path<String>,
    Query(parameters): Query<HashMap<String, String>>,
    (method, uri): (Method, Uri),
    headers: HeaderMap,
    body: String,
) -> Response {
    if uri.to_string().len() > LONGEST_REQUEST_LINE {
        return StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response();
    }
    let parameters = match method.as_str() {
        "GET" => parameters,
        "SEARCH" => searched(&body),
        _ => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
    };
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if token != Some(&format!("Bearer {}", control.token())) {
        return error(StatusCode::UNAUTHORIZED, "INVALID_CREDENTIALS");
    }
    let (reply, gate) = {
        let mut state = control.lock();
        let Some(items) = state.collections.get(&collection).filter(|_| !state.forbidden) else {
            return error(StatusCode::FORBIDDEN, "FORBIDDEN");
        };
        if state.singletons.contains(&collection) {
            return Json(json!({ "data": items.values().next() })).into_response();
        }
        if parameters.contains_key("aggregate[count]") {
            return Json(json!({ "data": [{ "count": items.len() }] })).into_response();
        }
        let Some(page) = list(items.values(), &parameters, state.limit_max) else {
            return error(StatusCode::BAD_REQUEST, "INVALID_QUERY");
        };
        let page = match state.lists.next() {
            Some(PageFault::Status(status)) => Err(status),
            Some(PageFault::Empty) => Ok(Vec::new()),
            Some(PageFault::Repeated) => Ok(state.last.clone()),
            None => Ok(page),
        };
        (page.inspect(|page| state.last.clone_from(page)), state.lists.gate())
    };
    if let Some(gate) = gate {
        gate.pass().await;
    }
    match reply {
        Ok(page) => Json(json!({ "data": page })).into_response(),
        Err(status) => with_status(status),
    }
}

/// The parameters of a SEARCH, as they would stand in a URL.
fn searched(body: &str) -> HashMap<String, String> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    };
    let parameters = body["query"].as_object().into_iter().flatten();
    parameters.map(|(name, value)| (name.clone(), text(value))).collect()
}

/// `None`: the query is none that is simulated.
fn list<'a>(
    items: impl Iterator<Item = &'a Value>,
    parameters: &HashMap<String, String>,
    limit_max: Option<usize>,
) -> Option<Vec<Value>> {
    let filter: Value =
        parameters.get("filter").map_or(Some(json!({})), |text| serde_json::from_str(text).ok())?;
    let mut page = Vec::new();
    for item in items {
        if passes(item, &filter)? {
            page.push(item.clone());
        }
    }
    for field in parameters.get("sort")?.split(',').rev() {
        let (field, descending) = field.strip_prefix('-').map_or((field, false), |field| (field, true));
        page.sort_by(|one, other| {
            let order = compare(&one[field], &other[field]);
            if descending { order.reverse() } else { order }
        });
    }
    let limit: usize = parameters.get("limit").map_or(Some(100), |text| text.parse().ok())?;
    page.truncate(limit_max.map_or(limit, |max| limit.min(max)));
    Some(page)
}

/// <https://directus.io/docs/guides/connect/errors>
fn error(status: StatusCode, code: &str) -> Response {
    let body = json!({ "errors": [{ "message": code, "extensions": { "code": code } }] });
    (status, Json(body)).into_response()
}
