//! The routes: tokens, a user by ID, the list of users (`listing.rs`), and the log (`log_feed.rs`).

use axum::extract::{Path, State};
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use super::OktaControl;
use super::fault::Fault;
use super::guard::guard;
use super::listing::users;
use super::log_feed::log;
use super::reply::error;
use super::state::State as Records;
use super::token::issue;
use crate::simulator::Provider;

impl Provider for Records {
    fn router(control: OktaControl) -> Router {
        let api = Router::new()
            .route("/api/v1/users/{id}", get(user))
            .route("/api/v1/users", get(users))
            .route("/api/v1/logs", get(log))
            .layer(middleware::from_fn_with_state(control.clone(), guard));
        Router::new().route("/oauth2/v1/token", post(issue)).merge(api).with_state(control)
    }
}

async fn user(State(control): State<OktaControl>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let mut state = control.lock();
    if let Some(refusal) = state.requests.refusal(&id) {
        return refusal;
    }
    let Some((etag, mut body)) = state.visible(&id).map(|user| (user.etag(), user.to_json())) else {
        return error(StatusCode::NOT_FOUND, "E0000007", "Not found: Resource not found (User)");
    };
    if state.requests.fault == Fault::Partial {
        body = json!({ "id": body["id"], "status": body["status"], "profile": {} });
    }
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        state.not_modified += 1;
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response();
    }
    ([(ETAG, etag)], Json(body)).into_response()
}
