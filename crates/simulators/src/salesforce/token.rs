//! `POST /services/oauth2/token`: client credentials, in the form or as basic authentication.
//! <https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_client_credentials_flow.htm>

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::SalesforceControl;
use super::fault::Fault;
use super::refusal::unavailable;

const ORG: &str = "00D9x000000OrchEAK";

#[derive(Deserialize)]
pub(crate) struct TokenRequest {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// Issues a token, or returns the error.
pub(crate) async fn issue(
    State(control): State<SalesforceControl>,
    headers: HeaderMap,
    request: Result<Form<TokenRequest>, FormRejection>,
) -> Response {
    control.lock().requests.tokens += 1;
    if control.lock().requests.fault == Fault::Down {
        return unavailable();
    }
    let Ok(Form(TokenRequest { grant_type: Some(grant_type), client_id, client_secret })) = request else {
        return refuse("invalid_request", "missing required parameter");
    };
    let in_form = client_id.map(|id| (id, client_secret.unwrap_or_default()));
    let Some((id, secret)) = in_form.or_else(|| basic(&headers)) else {
        return refuse("invalid_request", "missing required parameter");
    };
    if grant_type != "client_credentials" {
        return refuse("unsupported_grant_type", "grant type not supported");
    }
    if id != control.client_id() || secret != control.client_secret() {
        return refuse("invalid_client", "invalid client credentials");
    }
    let token = format!("{ORG}!AQEAQ.{}", Uuid::new_v4().simple());
    control.lock().tokens.insert(token.clone());
    let base = control.base_url();
    let reply = json!({
        "access_token": token,
        "signature": "c2ltdWxhdGVkIHNpZ25hdHVyZQ==",
        "scope": "api",
        "instance_url": base,
        "id": format!("{base}/id/{ORG}/0059x000000SimUAAU"),
        "token_type": "Bearer",
        "issued_at": (OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).to_string(),
    });
    Json(reply).into_response()
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = headers.get("authorization")?.to_str().ok()?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn refuse(error: &str, description: &str) -> Response {
    let body = json!({ "error": error, "error_description": description });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

/// Whether the request carries a token that was issued and not revoked.
pub(crate) fn is_authorized(control: &SalesforceControl, headers: &HeaderMap) -> bool {
    let state = control.lock();
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    state.requests.fault != Fault::TokenRefused && token.is_some_and(|token| state.tokens.contains(token))
}
