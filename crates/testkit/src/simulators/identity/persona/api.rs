//! The routes: an inquiry by ID, and the list that pings use.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde_json::{Value, json};

use super::inquiry::snake;
use crate::simulators::identity::control::IdentityControl;
use crate::simulators::identity::fault::Fault;
use crate::simulators::identity::guard::{Guard, guard, set_status};

const INQUIRIES: &str = "/api/v1/inquiries";

/// All routes of the environment.
pub(crate) fn router(control: IdentityControl) -> Router {
    let refusals = Guard { control: control.clone(), collection: INQUIRIES, unauthorized, too_many };
    Router::new()
        .route("/api/v1/inquiries/{id}", get(inquiry))
        .route(INQUIRIES, get(inquiries))
        .layer(middleware::from_fn_with_state(refusals, guard))
        .with_state(control)
}

async fn inquiry(
    State(control): State<IdentityControl>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Some(reply) = set_status(&control, &id) {
        return reply;
    }
    let state = control.lock();
    match state.visible(&id) {
        Some(inquiry) if state.fault == Fault::Partial => {
            let status = &inquiry["attributes"]["status"];
            document(&headers, json!({ "data": { "id": inquiry["id"], "attributes": { "status": status } } }))
        }
        Some(inquiry) => document(&headers, json!({ "data": inquiry, "included": [] })),
        None => error(StatusCode::NOT_FOUND, "Record not found"),
    }
}

/// <https://docs.withpersona.com/pagination>
async fn inquiries(
    State(control): State<IdentityControl>,
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

fn unauthorized() -> Response {
    error(StatusCode::UNAUTHORIZED, "Must be authenticated to access this endpoint")
}

/// <https://docs.withpersona.com/rate-limiting>
fn too_many(reset_secs: u64) -> Response {
    let headers = [("ratelimit-limit", 300), ("ratelimit-remaining", 0), ("ratelimit-reset", reset_secs)];
    let headers = headers.map(|(name, value)| (name, value.to_string()));
    (headers, error(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded")).into_response()
}

/// <https://docs.withpersona.com/errors>
fn error(status: StatusCode, title: &str) -> Response {
    (status, Json(json!({ "errors": [{ "title": title }] }))).into_response()
}
