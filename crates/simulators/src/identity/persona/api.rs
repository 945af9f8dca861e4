//! The routes: an inquiry by ID, and the list that pings use.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Persona;
use super::inquiry::snake;
use crate::identity::IdentityControl;
use crate::identity::fault::Fault;

pub(crate) async fn inquiry(
    State(control): State<IdentityControl<Persona>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let state = control.lock();
    if let Some(refusal) = state.requests.refusal(&id) {
        return refusal;
    }
    match state.visible(&id) {
        Some(inquiry) if state.requests.fault == Fault::Partial => {
            let status = &inquiry["attributes"]["status"];
            document(&headers, json!({ "data": { "id": inquiry["id"], "attributes": { "status": status } } }))
        }
        Some(inquiry) => document(&headers, json!({ "data": inquiry, "included": [] })),
        None => error(StatusCode::NOT_FOUND, "Record not found"),
    }
}

/// <https://docs.withpersona.com/pagination>
pub(crate) async fn inquiries(
    State(control): State<IdentityControl<Persona>>,
    Query(parameters): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let size =
        parameters.iter().find(|(name, _)| name == "page[size]").map_or(Ok(10), |(_, text)| text.parse());
    let Ok(size @ 1..=100) = size else {
        return error(StatusCode::BAD_REQUEST, "Bad request");
    };
    let data: Vec<Value> = control.lock().listed(size).into_iter().cloned().collect();
    document(&headers, json!({ "data": data, "links": { "prev": null, "next": null } }))
}

/// In the spelling that was asked for; kebab where none was.
fn document(headers: &HeaderMap, body: Value) -> Response {
    let inflection = headers.get("key-inflection").map_or("kebab", |value| value.to_str().unwrap_or("?"));
    match inflection {
        "kebab" => Json(body).into_response(),
        "snake" => Json(snake(body)).into_response(),
        _ => error(StatusCode::BAD_REQUEST, "Unsupported by the simulator"),
    }
}

pub(crate) fn unauthorized() -> Response {
    error(StatusCode::UNAUTHORIZED, "Must be authenticated to access this endpoint")
}

/// <https://docs.withpersona.com/rate-limiting>
pub(crate) fn too_many(reset_secs: u64) -> Response {
    let headers = [("ratelimit-limit", 300), ("ratelimit-remaining", 0), ("ratelimit-reset", reset_secs)];
    let headers = headers.map(|(name, value)| (name, value.to_string()));
    (headers, error(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded")).into_response()
}

/// <https://docs.withpersona.com/errors>
fn error(status: StatusCode, title: &str) -> Response {
    (status, Json(json!({ "errors": [{ "title": title }] }))).into_response()
}
