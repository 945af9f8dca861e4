//! The routes: a session by ID, and the list that pings use.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Stripe;
use super::session::view;
use crate::identity::fault::Fault;
use crate::identity::{IdentityControl, Vendor as _};

type Parameters = Query<Vec<(String, String)>>;

pub(crate) async fn session(
    State(control): State<IdentityControl<Stripe>>,
    Path(id): Path<String>,
    query: Parameters,
) -> Response {
    let Query(parameters) = query;
    if let Some((unknown, _)) = parameters.iter().find(|(name, _)| !is_of_list(name, "expand")) {
        return error(StatusCode::BAD_REQUEST, "parameter_unknown", unknown);
    }
    let expand: Vec<&str> = parameters.iter().map(|(_, field)| field.as_str()).collect();
    let state = control.lock();
    if let Some(refusal) = state.requests.refusal(&id) {
        return refusal;
    }
    match state.visible(&id) {
        Some(session) if state.requests.fault == Fault::Partial => {
            Json(json!({ "id": session["id"], "status": session["status"] })).into_response()
        }
        Some(session) => Json(view(session, &expand)).into_response(),
        None => error(StatusCode::NOT_FOUND, "resource_missing", "No such verification_session"),
    }
}

/// Whether this is one of a list's parameters: `expand[]`, or `expand[0]` as Stripe's own libraries write it.
fn is_of_list(name: &str, list: &str) -> bool {
    let place = name.strip_prefix(list).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
    place.is_some_and(|place| place.bytes().all(|digit| digit.is_ascii_digit()))
}

pub(crate) async fn sessions(
    State(control): State<IdentityControl<Stripe>>,
    Query(parameters): Parameters,
) -> Response {
    let limit = parameters.iter().find(|(name, _)| name == "limit").map_or(Ok(10), |(_, text)| text.parse());
    let Ok(limit @ 1..=100) = limit else {
        return error(StatusCode::BAD_REQUEST, "parameter_invalid_integer", "limit");
    };
    let data: Vec<Value> = control.lock().listed(limit).into_iter().map(|case| view(case, &[])).collect();
    Json(json!({ "object": "list", "url": Stripe::CASES, "has_more": false, "data": data })).into_response()
}

pub(crate) fn unauthorized() -> Response {
    error(StatusCode::UNAUTHORIZED, "api_key_invalid", "Invalid API Key provided")
}

/// Stripe does not say when to come back: <https://docs.stripe.com/rate-limits>.
pub(crate) fn too_many(_reset_secs: u64) -> Response {
    let reply = error(StatusCode::TOO_MANY_REQUESTS, "rate_limit", "Too many requests");
    ([("stripe-rate-limited-reason", "global-rate")], reply).into_response()
}

/// <https://docs.stripe.com/api/errors>
fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "error": { "type": "invalid_request_error", "code": code, "message": message } });
    (status, Json(body)).into_response()
}
