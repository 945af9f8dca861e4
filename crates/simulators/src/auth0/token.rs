//! `POST /oauth/token`: client credentials, as JSON or as a form.
//! <https://auth0.com/docs/api/authentication/client-credential-flow/get-token>

use axum::extract::{Form, FromRequest, Json, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::Auth0Control;
use super::fault::Fault;

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    client_id: String,
    client_secret: String,
    audience: Option<String>,
}

/// Issues a token, or returns the error.
pub(crate) async fn issue(State(control): State<Auth0Control>, request: Request) -> Response {
    control.lock().requests.tokens += 1;
    if control.lock().requests.fault == Fault::Down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let Some(request) = read(request).await else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", "Missing required parameter");
    };
    if request.grant_type != "client_credentials" {
        return refuse(StatusCode::FORBIDDEN, "unsupported_grant_type", "Unsupported grant type");
    }
    if request.client_id != control.client_id() || request.client_secret != control.client_secret() {
        return refuse(StatusCode::UNAUTHORIZED, "access_denied", "Unauthorized");
    }
    if request.audience.as_deref() != Some(control.audience().as_str()) {
        return refuse(StatusCode::FORBIDDEN, "access_denied", "Service not enabled within domain");
    }
    grant(&control)
}

fn grant(control: &Auth0Control) -> Response {
    let token = format!("sim-token-{}", Uuid::new_v4().simple());
    let mut state = control.lock();
    let life = state.token_life;
    state.tokens.insert(token.clone(), Instant::now() + life);
    let reply = json!({
        "access_token": token, "scope": "read:users", "expires_in": life.as_secs(), "token_type": "Bearer",
    });
    Json(reply).into_response()
}

async fn read(request: Request) -> Option<TokenRequest> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content_type.is_some_and(|content_type| content_type.starts_with("application/json")) {
        return Json::from_request(request, &()).await.ok().map(|Json(request)| request);
    }
    Form::from_request(request, &()).await.ok().map(|Form(request)| request)
}

fn refuse(status: StatusCode, error: &str, description: &str) -> Response {
    (status, Json(json!({ "error": error, "error_description": description }))).into_response()
}

/// Whether the request carries a token that was issued and has not expired.
pub(crate) fn is_authorized(control: &Auth0Control, headers: &HeaderMap) -> bool {
    let state = control.lock();
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let known = token.and_then(|token| state.tokens.get(token));
    state.requests.fault != Fault::TokenRefused
        && known.is_some_and(|expires_at| Instant::now() < *expires_at)
}
