//! The errors of the API.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

use super::contact::is_field;

/// A request that is refused as a whole.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }

    pub(crate) fn not_found() -> Self {
        let message = "The requested resource does not exist".to_owned();
        Self { status: StatusCode::NOT_FOUND, code: "NOT_FOUND", message }
    }

    pub(crate) fn deleted() -> Self {
        let message = "entity is deleted".to_owned();
        Self { status: StatusCode::NOT_FOUND, code: "ENTITY_IS_DELETED", message }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!([{ "message": self.message, "errorCode": self.code }]))).into_response()
    }
}

pub(crate) fn check_fields<'a>(fields: impl IntoIterator<Item = &'a String>) -> Result<(), Refusal> {
    match fields.into_iter().find(|field| !is_field(field)) {
        Some(field) => {
            Err(Refusal::bad("INVALID_FIELD", format!("No such column '{field}' on entity 'Contact'.")))
        }
        None => Ok(()),
    }
}

/// The reply of an org that is down.
pub(crate) fn unavailable() -> Response {
    let message = "Server is unavailable".to_owned();
    Refusal { status: StatusCode::SERVICE_UNAVAILABLE, code: "SERVER_UNAVAILABLE", message }.into_response()
}
