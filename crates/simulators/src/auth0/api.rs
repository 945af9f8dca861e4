//! The Management API's routes: a user by ID, lists and searches (`listing.rs`), the log (`logs.rs`), and the stream of
//! events (`event_feed.rs`).
//!
//! The order of checks is Auth0's: outage, token, rate limit, then the request itself.

use std::collections::HashMap;

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use time::OffsetDateTime;

use super::Auth0Control;
use super::event_feed::events;
use super::fault::Fault;
use super::listing::{fields, selected, users};
use super::logs::log_entry;
use super::reply::{body, error};
use super::state::State as Records;
use super::token::{is_authorized, issue};
use crate::rate_limit::Quota;
use crate::simulator::Provider;

impl Provider for Records {
    fn router(control: Auth0Control) -> Router {
        let api = Router::new()
            .route("/api/v2/users/{id}", get(user))
            .route("/api/v2/users", get(users))
            .route("/api/v2/logs/{id}", get(log_entry))
            .route("/api/v2/events", get(events))
            .layer(middleware::from_fn_with_state(control.clone(), guard));
        Router::new().route("/oauth/token", post(issue)).merge(api).with_state(control)
    }
}

/// What holds for every request of the API: counting, faults, token, rate limit.
async fn guard(State(control): State<Auth0Control>, request: Request, next: Next) -> Response {
    count(&control, &request);
    let fault = control.lock().requests.fault;
    if let Some(reply) = broken(fault) {
        return reply;
    }
    if !is_authorized(&control, request.headers()) {
        return error(StatusCode::UNAUTHORIZED, "Unauthorized", "Invalid token", "invalid_token");
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
fn count(control: &Auth0Control, request: &Request) {
    let mut state = control.lock();
    state.times.push(std::time::Instant::now());
    state.requests.total += 1;
    let path = request.uri().path();
    let id = path.strip_prefix("/api/v2/users/").map(percent_encoding::percent_decode_str);
    match (id, request.uri().query()) {
        (Some(id), _) => state.requests.count(&id.decode_utf8_lossy()),
        (None, Some(query)) if query.split('&').any(|pair| pair.starts_with("q=")) => state.searches += 1,
        (None, _) if path.starts_with("/api/v2/logs/") => state.log_reads += 1,
        (None, _) => state.requests.pings += 1,
    }
}

/// The error of the tenant before it looks at the request.
fn broken(fault: Fault) -> Option<Response> {
    Some(match fault {
        Fault::Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Fault::ServerError(status) => {
            let status = StatusCode::from_u16(status).expect("a test sets a status of HTTP");
            error(status, "Internal Server Error", "An internal error occurred", "internal_error")
        }
        Fault::WrongJson => Html("<!doctype html><title>We'll be right back</title>").into_response(),
        Fault::RateLimited { retry_after_secs } => {
            let mut reply = too_many();
            reply.headers_mut().insert("retry-after", retry_after_secs.into());
            reply
        }
        _ => return None,
    })
}

async fn user(
    State(control): State<Auth0Control>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let fields = fields(&query);
    let (reply, gate) = {
        let state = control.lock();
        let reply = match (state.requests.refusal(&id), state.visible(&id)) {
            (Some(refusal), _) => refusal,
            (None, Some(user)) => {
                Json(selected(body(user, state.requests.fault), fields.as_deref())).into_response()
            }
            (None, None) => {
                error(StatusCode::NOT_FOUND, "Not Found", "The user does not exist.", "inexistent_user")
            }
        };
        (reply, state.requests.gate(&id))
    };
    if let Some(gate) = gate {
        gate.pass().await;
    }
    reply
}

fn too_many() -> Response {
    let message = "Global limit has been reached";
    error(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests", message, "too_many_requests")
}

fn tell(reply: &mut Response, quota: Quota) {
    let headers = reply.headers_mut();
    headers.insert("x-ratelimit-limit", HeaderValue::from(quota.limit));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(quota.remaining));
    headers.insert("x-ratelimit-reset", HeaderValue::from(quota.reset));
}
