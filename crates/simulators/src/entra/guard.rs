//! Checks of every request of Graph: counting, faults, who asks and what for, the limit.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use time::OffsetDateTime;

use super::EntraControl;
use super::fault::Fault;
use super::reply::error;
use crate::rate_limit::Quota;

const SIGN_INS: &str = "/v1.0/auditLogs/";

pub(crate) async fn guard(State(control): State<EntraControl>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    count(&control, path);
    let fault = control.lock().requests.fault;
    match fault {
        Fault::Down => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Fault::WrongJson => return Html("<!doctype html><title>We'll be right back</title>").into_response(),
        Fault::None | Fault::Slow(_) | Fault::Stale | Fault::Partial => {}
    }
    let role = if path.starts_with(SIGN_INS) { "AuditLog.Read.All" } else { "User.Read.All" };
    if let Err(refusal) = admit(&control, request.headers(), role) {
        return *refusal;
    }
    let quota = control.lock().rate_limit.take(OffsetDateTime::now_utc());
    let mut reply = if quota.admitted { next.run(request).await } else { too_many(&control, quota) };
    tell(&mut reply, quota);
    if let Fault::Slow(delay) = fault {
        tokio::time::sleep(delay).await;
    }
    reply
}

/// Counts before anything can fail: a test counts the requests, not the successful answers.
fn count(control: &EntraControl, path: &str) {
    let mut state = control.lock();
    state.requests.total += 1;
    let named = ["/v1.0/users/", "/v1.0/directory/deletedItems/", SIGN_INS];
    match named.iter().find_map(|begin| path.strip_prefix(begin)).filter(|rest| *rest != "delta") {
        Some(rest) => state.requests.count(rest.split('/').next().unwrap_or_default()),
        None => state.requests.pings += 1,
    }
}

fn admit(control: &EntraControl, headers: &HeaderMap, role: &str) -> Result<(), Box<Response>> {
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let state = control.lock();
    let roles = authorization.strip_prefix("Bearer ").and_then(|token| state.tokens.get(token));
    match roles {
        None => {
            let challenge = [(WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
            let body = error(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", "the token");
            Err(Box::new((challenge, body).into_response()))
        }
        Some(roles) if roles.iter().any(|granted| granted == role) => Ok(()),
        Some(_) => Err(Box::new(error(StatusCode::FORBIDDEN, "Authorization_RequestDenied", role))),
    }
}

/// <https://learn.microsoft.com/graph/throttling>
fn too_many(control: &EntraControl, quota: Quota) -> Response {
    let mut reply = error(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", "one request more");
    if control.lock().says_retry_after {
        let left = quota.reset.saturating_sub(OffsetDateTime::now_utc().unix_timestamp()).max(1);
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(left));
    }
    reply
}

/// Only from four fifths of the limit on: <https://learn.microsoft.com/graph/throttling-limits>.
fn tell(reply: &mut Response, quota: Quota) {
    let headers = reply.headers_mut();
    headers.insert("x-ms-resource-unit", HeaderValue::from(1));
    let used = quota.limit.saturating_sub(quota.remaining);
    let share = if quota.admitted { used as f64 / quota.limit.max(1) as f64 } else { 1.2 };
    if share >= 0.8 {
        headers
            .insert("x-ms-throttle-scope", HeaderValue::from_static("Tenant_Application/ReadWrite/sim/sim"));
        let share = HeaderValue::try_from(format!("{share:.1}")).expect("a number is a header value");
        headers.insert("x-ms-throttle-limit-percentage", share);
    }
}
