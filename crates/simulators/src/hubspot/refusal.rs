//! The errors of the API: <https://developers.hubspot.com/docs/api-reference/error-handling>.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};
use uuid::Uuid;

/// A request, or one record of a batch, that is refused.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    category: &'static str,
    message: String,
    errors: Vec<Value>,
    context: Value,
}

/// A value that is refused: the property, the code, and a text that quotes the value.
pub(crate) struct BadValue {
    pub(crate) property: String,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    fn new(status: StatusCode, category: &'static str, message: impl Into<String>) -> Self {
        Self { status, category, message: message.into(), errors: Vec::new(), context: Value::Null }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
    }

    pub(crate) fn values(bad: &[BadValue]) -> Self {
        let row = |bad: &BadValue| {
            json!({"isValid": false, "message": bad.message, "error": bad.code, "name": bad.property,
                "localizedErrorMessage": bad.message})
        };
        let beside = |bad: &BadValue| json!({"message": bad.message, "code": bad.code, "context": {"propertyName": [bad.property]}});
        let rows: Vec<Value> = bad.iter().map(row).collect();
        let message = format!("Property values were not valid: {}", Value::from(rows));
        Self { errors: bad.iter().map(beside).collect(), ..Self::bad(message) }
    }

    pub(crate) fn conflict(existing: u64) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "CONFLICT",
            format!("Contact already exists. Existing ID: {existing}"),
        )
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "OBJECT_NOT_FOUND", "Object not found.")
    }

    /// One entry for all that are missing, as a batch has it.
    pub(crate) fn missing(ids: &[String]) -> Self {
        let message =
            "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.";
        Self {
            context: json!({ "ids": ids }),
            ..Self::new(StatusCode::NOT_FOUND, "OBJECT_NOT_FOUND", message)
        }
    }

    pub(crate) fn unauthorized() -> Self {
        let message = "Authentication credentials not found. This API supports OAuth 2.0 authentication";
        Self::new(StatusCode::UNAUTHORIZED, "INVALID_AUTHENTICATION", message)
    }

    pub(crate) fn locked() -> Self {
        Self::new(StatusCode::LOCKED, "LOCKED", "The records are being synchronized.")
    }

    pub(crate) fn down(status: StatusCode) -> Self {
        Self::new(status, "INTERNAL_ERROR", "internal error")
    }

    /// As an entry of a batch's `errors`.
    pub(crate) fn to_entry(&self) -> Value {
        let mut entry = json!({"status": "error", "category": self.category, "message": self.message});
        if !self.context.is_null() {
            entry["context"] = self.context.clone();
        }
        if !self.errors.is_empty() {
            entry["errors"] = self.errors.clone().into();
        }
        entry
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = self.to_entry();
        body["correlationId"] = Uuid::new_v4().to_string().into();
        (self.status, Json(body)).into_response()
    }
}
