//! `POST /oauth2/v1/token`: client credentials of a service app, which signs an assertion in place of a secret.
//! <https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/>

use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::OktaControl;
use super::fault::Fault;
use super::service_app::ServiceApp;

/// <https://www.rfc-editor.org/rfc/rfc7523#section-2.2>
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Lifetime of a token, in seconds.
const LIFE_SECS: u64 = 3600;

#[derive(Deserialize)]
pub(crate) struct TokenRequest {
    grant_type: Option<String>,
    client_id: Option<String>,
    scope: Option<String>,
    client_assertion_type: Option<String>,
    client_assertion: Option<String>,
}

/// Why there is no token: status, and OAuth's word for it.
type Refusal = (StatusCode, &'static str);

const INVALID_REQUEST: Refusal = (StatusCode::BAD_REQUEST, "invalid_request");
const INVALID_CLIENT: Refusal = (StatusCode::UNAUTHORIZED, "invalid_client");
const INVALID_SCOPE: Refusal = (StatusCode::BAD_REQUEST, "invalid_scope");
const OTHER_GRANT: Refusal = (StatusCode::BAD_REQUEST, "unsupported_grant_type");

/// Issues a token, or returns the error.
pub(crate) async fn issue(
    State(control): State<OktaControl>,
    request: Result<Form<TokenRequest>, FormRejection>,
) -> Response {
    control.lock().requests.tokens += 1;
    if control.lock().requests.fault == Fault::Down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let scopes = request.map_err(|_| INVALID_REQUEST).and_then(|Form(request)| scopes(&control, &request));
    match scopes {
        Ok(scopes) => grant(&control, scopes),
        Err((status, error)) => {
            let body = json!({ "error": error, "error_description": "Refused by the simulator" });
            (status, Json(body)).into_response()
        }
    }
}

/// The scopes of the request, if all are granted.
fn scopes(control: &OktaControl, request: &TokenRequest) -> Result<Vec<String>, Refusal> {
    if request.grant_type.as_deref() != Some("client_credentials") {
        return Err(OTHER_GRANT);
    }
    let app = authenticate(control, request)?;
    let asked = request.scope.as_deref().unwrap_or_default().split_ascii_whitespace();
    let asked: Vec<String> = asked.map(str::to_owned).collect();
    // One scope that is not granted makes the request fail.
    let granted = !asked.is_empty() && asked.iter().all(|scope| app.scopes.contains(scope));
    if granted { Ok(asked) } else { Err(INVALID_SCOPE) }
}

/// The app whose key has signed the assertion. An assertion counts once.
fn authenticate(control: &OktaControl, request: &TokenRequest) -> Result<ServiceApp, Refusal> {
    if request.client_assertion_type.as_deref() != Some(ASSERTION_TYPE) {
        return Err(INVALID_REQUEST);
    }
    let assertion = request.client_assertion.as_deref().ok_or(INVALID_REQUEST)?;
    let client_id = request.client_id.as_deref().ok_or(INVALID_REQUEST)?;
    let audience = format!("{}/oauth2/v1/token", control.base_url());
    let mut state = control.lock();
    let app = state.service_apps.get(client_id).cloned().ok_or(INVALID_CLIENT)?;
    let id = app.assertion_id(assertion, &audience).ok_or(INVALID_CLIENT)?;
    if state.assertions.insert(id) { Ok(app) } else { Err(INVALID_CLIENT) }
}

fn grant(control: &OktaControl, scopes: Vec<String>) -> Response {
    let token = format!("simToken.{}", Uuid::new_v4().simple());
    let reply = json!({
        "token_type": "Bearer", "expires_in": LIFE_SECS, "access_token": token, "scope": scopes.join(" "),
    });
    control.lock().tokens.insert(token, scopes);
    Json(reply).into_response()
}
