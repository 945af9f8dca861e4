//! The routes: a user by ID, the list that pings use, and the log by `uuid`.

use std::collections::HashMap;

use axum::extract::{Path, Query, Request, State};
use axum::http::header::{AUTHORIZATION, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::control::OktaControl;
use super::fault::Fault;
use super::user::{SimulatedUser, Status};
use crate::simulators::auth0::rate_limit::Quota;

/// The organization's whole surface.
pub(crate) fn router(control: OktaControl) -> Router {
    Router::new()
        .route("/api/v1/users/{id}", get(user))
        .route("/api/v1/users", get(users))
        .route("/api/v1/logs", get(log))
        .layer(middleware::from_fn_with_state(control.clone(), guard))
        .with_state(control)
}

/// What holds for every request: counting, faults, token, rate limit.
async fn guard(State(control): State<OktaControl>, request: Request, next: Next) -> Response {
    count(&control, request.uri().path());
    let fault = control.lock().fault;
    match fault {
        Fault::Down => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Fault::WrongJson => return Html("<!doctype html><title>We'll be right back</title>").into_response(),
        Fault::None | Fault::Slow(_) | Fault::Stale => {}
    }
    let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if token != Some(&format!("SSWS {}", control.api_token())) {
        return error(StatusCode::UNAUTHORIZED, "E0000011", "Invalid token provided");
    }
    let quota = control.lock().rate_limit.take(OffsetDateTime::now_utc());
    let mut reply = if quota.admitted { next.run(request).await } else { too_many() };
    tell(&mut reply, quota);
    if let Fault::Slow(delay) = fault {
        tokio::time::sleep(delay).await;
    }
    reply
}

/// Before anything can fail, so that a test counts what was sent and not what was answered.
fn count(control: &OktaControl, path: &str) {
    let counts = &mut control.lock().counts;
    counts.total += 1;
    match path.strip_prefix("/api/v1/users/").map(percent_encoding::percent_decode_str) {
        Some(id) => *counts.by_id.entry(id.decode_utf8_lossy().into_owned()).or_default() += 1,
        None if path == "/api/v1/logs" => counts.log += 1,
        None => counts.pings += 1,
    }
}

/// `GET /api/v1/users/{id}`.
async fn user(State(control): State<OktaControl>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let mut state = control.lock();
    if let Some(status) = state.statuses.get(&id) {
        return StatusCode::from_u16(*status).unwrap_or(StatusCode::OK).into_response();
    }
    let Some((etag, body)) = state.visible(&id).map(|user| (user.etag(), user.to_json())) else {
        return error(StatusCode::NOT_FOUND, "E0000007", "Not found: Resource not found (User)");
    };
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        state.counts.not_modified += 1;
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response();
    }
    ([(ETAG, etag)], Json(body)).into_response()
}

/// `GET /api/v1/users`: without those who are deactivated.
async fn users(State(control): State<OktaControl>, Query(query): Query<HashMap<String, String>>) -> Response {
    let limit = query.get("limit").map_or(Ok(200), |text| text.parse::<usize>());
    let Ok(limit @ 1..=200) = limit else {
        return error(StatusCode::BAD_REQUEST, "E0000001", "Api validation failed: limit");
    };
    let state = control.lock();
    let users = state.users.keys().filter_map(|id| state.visible(id));
    let listed = users.filter(|user| user.status != Status::Deprovisioned).take(limit);
    Json(listed.map(SimulatedUser::to_json).collect::<Vec<Value>>()).into_response()
}

/// `GET /api/v1/logs?filter=uuid eq "…"`.
async fn log(State(control): State<OktaControl>, Query(query): Query<HashMap<String, String>>) -> Response {
    let filter = query.get("filter").map_or("", String::as_str);
    let uuid = filter.strip_prefix("uuid eq \"").and_then(|rest| rest.strip_suffix('"'));
    match uuid {
        Some(uuid) => Json(Vec::from_iter(control.lock().log.get(uuid).cloned())).into_response(),
        None => error(StatusCode::BAD_REQUEST, "E0000053", "Unsupported by the simulator"),
    }
}

fn too_many() -> Response {
    error(StatusCode::TOO_MANY_REQUESTS, "E0000047", "API call exceeded rate limit due to too many requests.")
}

/// <https://developer.okta.com/docs/reference/error-codes/>
fn error(status: StatusCode, code: &str, summary: &str) -> Response {
    let body = json!({ "errorCode": code, "errorSummary": summary, "errorLink": code, "errorId": "oaeSim",
        "errorCauses": [] });
    (status, Json(body)).into_response()
}

fn tell(reply: &mut Response, quota: Quota) {
    let headers = reply.headers_mut();
    headers.insert("x-rate-limit-limit", HeaderValue::from(quota.limit));
    headers.insert("x-rate-limit-remaining", HeaderValue::from(quota.remaining));
    headers.insert("x-rate-limit-reset", HeaderValue::from(quota.reset));
}
