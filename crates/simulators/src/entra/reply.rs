//! The body of an error, and the links of a page.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::EntraControl;

/// <https://learn.microsoft.com/graph/errors>. The message quotes `about`, as Graph's do.
pub(crate) fn error(status: StatusCode, code: &str, about: &str) -> Response {
    let request = Uuid::new_v4();
    let inner = json!({ "date": "2026-11-30T10:00:00", "request-id": request, "client-request-id": request });
    let message = format!("The simulator refuses '{about}'.");
    let body = json!({ "error": { "code": code, "message": message, "innerError": inner } });
    (status, Json(body)).into_response()
}

/// An object or a page of this context.
pub(crate) fn within(control: &EntraControl, context: &str, mut body: Value) -> Response {
    body["@odata.context"] = format!("{}/v1.0/$metadata#{context}", control.base_url()).into();
    Json(body).into_response()
}

/// A link to this path, at the host that a test may have set.
pub(crate) fn link(control: &EntraControl, path: &str, query: &[(&str, &str)]) -> String {
    let host = control.lock().link_host.clone().unwrap_or_else(|| control.base_url());
    let parts: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        .collect();
    format!("{host}/v1.0/{path}?{}", parts.join("&"))
}
