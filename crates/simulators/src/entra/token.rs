//! `POST /{tenant}/oauth2/v2.0/token`: client credentials with a secret or an assertion.
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::EntraControl;
use super::application::Application;
use super::fault::Fault;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const LIFE_SECS: u64 = 3599;

#[derive(Deserialize)]
pub(crate) struct TokenRequest {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
    client_assertion_type: Option<String>,
    client_assertion: Option<String>,
}

/// Why there is no token: status, OAuth's word for it, and Entra's number.
type Refusal = (StatusCode, &'static str, u32);

const INVALID_REQUEST: Refusal = (StatusCode::BAD_REQUEST, "invalid_request", 900_144);
const NO_TENANT: Refusal = (StatusCode::BAD_REQUEST, "invalid_request", 90_002);
const INVALID_CLIENT: Refusal = (StatusCode::UNAUTHORIZED, "invalid_client", 7_000_215);
const UNKNOWN_CLIENT: Refusal = (StatusCode::BAD_REQUEST, "unauthorized_client", 700_016);
const OTHER_CLOUD: Refusal = (StatusCode::BAD_REQUEST, "invalid_scope", 1_002_012);
const OTHER_GRANT: Refusal = (StatusCode::BAD_REQUEST, "unsupported_grant_type", 70_003);

/// Issues a token, or returns the error.
pub(crate) async fn issue(
    State(control): State<EntraControl>,
    Path(tenant): Path<String>,
    request: Result<Form<TokenRequest>, FormRejection>,
) -> Response {
    control.lock().requests.tokens += 1;
    if control.lock().requests.fault == Fault::Down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let application =
        request.map_err(|_| INVALID_REQUEST).and_then(|Form(request)| admit(&control, &tenant, &request));
    match application {
        Ok(application) => {
            let token = format!("eyJ.sim.{}", Uuid::new_v4().simple());
            control.lock().tokens.insert(token.clone(), application.roles);
            let reply = json!({ "token_type": "Bearer", "expires_in": LIFE_SECS, "ext_expires_in": LIFE_SECS,
                "access_token": token });
            Json(reply).into_response()
        }
        Err((status, error, code)) => {
            let description = format!("AADSTS{code}: Refused by the simulator.");
            let body = json!({ "error": error, "error_description": description, "error_codes": [code],
                "trace_id": Uuid::new_v4(), "correlation_id": Uuid::new_v4() });
            (status, Json(body)).into_response()
        }
    }
}

fn admit(control: &EntraControl, tenant: &str, request: &TokenRequest) -> Result<Application, Refusal> {
    if tenant != control.tenant_id() {
        return Err(NO_TENANT);
    }
    if request.grant_type.as_deref() != Some("client_credentials") {
        return Err(OTHER_GRANT);
    }
    let resource = request.scope.as_deref().and_then(|scope| scope.strip_suffix("/.default"));
    let resource = resource.ok_or(OTHER_CLOUD)?;
    let client_id = request.client_id.as_deref().ok_or(INVALID_REQUEST)?;
    let mut state = control.lock();
    if resource != control.base_url() && !state.resources.contains(resource) {
        return Err(OTHER_CLOUD);
    }
    let application = state.applications.get(client_id).cloned().ok_or(UNKNOWN_CLIENT)?;
    match (&request.client_secret, &request.client_assertion) {
        (Some(secret), None) if application.secret.as_ref() == Some(secret) => Ok(application),
        (None, Some(assertion)) if request.client_assertion_type.as_deref() == Some(ASSERTION_TYPE) => {
            let audience = format!("{}/{tenant}/oauth2/v2.0/token", control.base_url());
            let id = application.assertion_id(assertion, &audience).ok_or(INVALID_CLIENT)?;
            // Stricter than Entra: an assertion counts once.
            if state.assertions.insert(id) { Ok(application) } else { Err(INVALID_CLIENT) }
        }
        (Some(_), None) => Err(INVALID_CLIENT),
        _ => Err(INVALID_REQUEST),
    }
}
