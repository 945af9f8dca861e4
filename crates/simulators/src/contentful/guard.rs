//! Checks of every request: faults, the access token, the environment's name.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use super::ContentfulControl;
use super::fault::Fault;
use super::state::ENVIRONMENT;

pub(crate) async fn guard(
    State(control): State<ContentfulControl>,
    request: Request,
    next: Next,
) -> Response {
    let fault = control.lock().fault;
    match fault {
        Fault::Down => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Fault::WrongJson => return Html("<!doctype html><title>We'll be right back</title>").into_response(),
        Fault::None => {}
    }
    let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if token != Some(&format!("Bearer {}", control.access_token())) {
        return error(StatusCode::UNAUTHORIZED, "AccessTokenInvalid");
    }
    let space = control.space();
    if !request.uri().path().starts_with(&format!("/spaces/{space}/environments/{ENVIRONMENT}/")) {
        return error(StatusCode::NOT_FOUND, "NotFound");
    }
    next.run(request).await
}

/// <https://www.contentful.com/developers/docs/references/errors/>
pub(crate) fn error(status: StatusCode, id: &str) -> Response {
    let body = json!({ "sys": { "type": "Error", "id": id }, "message": id, "requestId": "simulated" });
    (status, Json(body)).into_response()
}
