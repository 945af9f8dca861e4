//! Bodies of replies: a user, and an error.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::fault::Fault;
use super::user::SimulatedUser;

pub(crate) fn body(user: &SimulatedUser, fault: Fault) -> Value {
    if fault == Fault::Partial { Value::Object(user.required_json()) } else { user.to_json() }
}

pub(crate) fn error(status: StatusCode, error: &str, message: &str, code: &str) -> Response {
    let body =
        json!({ "statusCode": status.as_u16(), "error": error, "message": message, "errorCode": code });
    (status, Json(body)).into_response()
}
