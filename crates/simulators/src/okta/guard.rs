//! Checks of every request of the API: counting, faults, who asks and what for, the rate limit.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use time::OffsetDateTime;

use super::OktaControl;
use super::fault::Fault;
use super::reply::error;
use crate::rate_limit::Quota;

const LOG: &str = "/api/v1/logs";

pub(crate) async fn guard(State(control): State<OktaControl>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    count(&control, path);
    let fault = control.lock().requests.fault;
    match fault {
        Fault::Down => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Fault::WrongJson => return Html("<!doctype html><title>We'll be right back</title>").into_response(),
        Fault::None | Fault::Slow(_) | Fault::Stale | Fault::Partial => {}
    }
    let scope = if path == LOG { "okta.logs.read" } else { "okta.users.read" };
    if let Err(refusal) = admit(&control, request.headers(), scope) {
        return *refusal;
    }
    let quota = control.lock().rate_limit.take(OffsetDateTime::now_utc());
    let mut reply = if quota.admitted { next.run(request).await } else { too_many() };
    tell(&mut reply, quota);
    if let Fault::Slow(delay) = fault {
        tokio::time::sleep(delay).await;
    }
    reply
}

/// Counts before anything can fail: a test counts the requests, not the successful answers.
fn count(control: &OktaControl, path: &str) {
    let mut state = control.lock();
    state.requests.total += 1;
    match path.strip_prefix("/api/v1/users/").map(percent_encoding::percent_decode_str) {
        Some(id) => state.requests.count(&id.decode_utf8_lossy()),
        None if path == LOG => state.log_reads += 1,
        None => state.requests.pings += 1,
    }
}

/// The API token may do everything, a service app's token what its scopes say:
/// <https://developer.okta.com/docs/api/oauth2/>.
fn admit(control: &OktaControl, headers: &HeaderMap, scope: &str) -> Result<(), Box<Response>> {
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if authorization.strip_prefix("SSWS ") == Some(control.api_token()) {
        return Ok(());
    }
    let state = control.lock();
    let scopes = authorization.strip_prefix("Bearer ").and_then(|token| state.tokens.get(token));
    match scopes {
        None => Err(refuse(StatusCode::UNAUTHORIZED, "E0000011", "Invalid token provided", "invalid_token")),
        Some(scopes) if scopes.iter().any(|granted| granted == scope) => Ok(()),
        Some(_) => Err(refuse(StatusCode::FORBIDDEN, "E0000006", "Permission denied", "insufficient_scope")),
    }
}

/// <https://www.rfc-editor.org/rfc/rfc6750#section-3>
fn refuse(status: StatusCode, code: &str, summary: &str, reason: &str) -> Box<Response> {
    let challenge = format!("Bearer error=\"{reason}\"");
    Box::new(([(WWW_AUTHENTICATE, challenge)], error(status, code, summary)).into_response())
}

fn too_many() -> Response {
    error(StatusCode::TOO_MANY_REQUESTS, "E0000047", "API call exceeded rate limit due to too many requests.")
}

fn tell(reply: &mut Response, quota: Quota) {
    let headers = reply.headers_mut();
    headers.insert("x-rate-limit-limit", HeaderValue::from(quota.limit));
    headers.insert("x-rate-limit-remaining", HeaderValue::from(quota.remaining));
    headers.insert("x-rate-limit-reset", HeaderValue::from(quota.reset));
}
