//! The routes: a session by ID, and the list that pings use.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde_json::{Value, json};

use super::session::view;
use crate::simulators::identity::control::IdentityControl;
use crate::simulators::identity::fault::Fault;
use crate::simulators::identity::guard::{Guard, guard, set_status};

const SESSIONS: &str = "/v1/identity/verification_sessions";

type Parameters = Query<Vec<(String, String)>>;

/// All routes of the account.
pub(crate) fn router(control: IdentityControl) -> Router {
    let refusals = Guard { control: control.clone(), collection: SESSIONS, unauthorized, too_many };
    Router::new()
        .route("/v1/identity/verification_sessions/{id}", get(session))
        .route(SESSIONS, get(sessions))
        .layer(middleware::from_fn_with_state(refusals, guard))
        .with_state(control)
}

async fn session(
    State(control): State<IdentityControl>,
    Path(id): Path<String>,
    query: Parameters,
) -> Response {
    if let Some(reply) = set_status(&control, &id) {
        return reply;
    }
    let Query(parameters) = query;
    if let Some((unknown, _)) = parameters.iter().find(|(name, _)| !is_of_list(name, "expand")) {
        return error(StatusCode::BAD_REQUEST, "parameter_unknown", unknown);
    }
    let expand: Vec<&str> = parameters.iter().map(|(_, field)| field.as_str()).collect();
    let state = control.lock();
    match state.visible(&id) {
        Some(session) if state.fault == Fault::Partial => {
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

async fn sessions(State(control): State<IdentityControl>, Query(parameters): Parameters) -> Response {
    let limit = parameters.iter().find(|(name, _)| name == "limit").map_or(Ok(10), |(_, text)| text.parse());
    let Ok(limit @ 1..=100) = limit else {
        return error(StatusCode::BAD_REQUEST, "parameter_invalid_integer", "limit");
    };
    let data: Vec<Value> = control.lock().listed(limit).into_iter().map(|case| view(case, &[])).collect();
    Json(json!({ "object": "list", "url": SESSIONS, "has_more": false, "data": data })).into_response()
}

fn unauthorized() -> Response {
    error(StatusCode::UNAUTHORIZED, "api_key_invalid", "Invalid API Key provided")
}

/// Stripe does not say when to come back: <https://docs.stripe.com/rate-limits>.
fn too_many(_reset_secs: u64) -> Response {
    let reply = error(StatusCode::TOO_MANY_REQUESTS, "rate_limit", "Too many requests");
    ([("stripe-rate-limited-reason", "global-rate")], reply).into_response()
}

/// <https://docs.stripe.com/api/errors>
fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "error": { "type": "invalid_request_error", "code": code, "message": message } });
    (status, Json(body)).into_response()
}
