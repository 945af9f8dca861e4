//! The body of an error.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// <https://developer.okta.com/docs/reference/error-codes/>
pub(crate) fn error(status: StatusCode, code: &str, summary: &str) -> Response {
    let body = json!({ "errorCode": code, "errorSummary": summary, "errorLink": code, "errorId": "oaeSim",
        "errorCauses": [] });
    (status, Json(body)).into_response()
}
