//! The routes: the sync, single entries and assets, and how many there are.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde_json::json;

use super::ContentfulControl;
use super::guard::{error, guard};
use super::resource::in_default_language;
use super::state::State as Records;
use super::sync::sync;
use crate::simulator::Provider;

type Parameters = Query<HashMap<String, String>>;

impl Provider for Records {
    fn router(control: ContentfulControl) -> Router {
        let environment = Router::new()
            .route("/sync", get(sync))
            .route("/{collection}", get(collection))
            .route("/{collection}/{id}", get(item));
        Router::new()
            .nest("/spaces/{space}/environments/{environment}", environment)
            .layer(middleware::from_fn_with_state(control.clone(), guard))
            .with_state(control)
    }
}

fn kind(collection: &str) -> Option<&'static str> {
    match collection {
        "entries" => Some("Entry"),
        "assets" => Some("Asset"),
        _ => None,
    }
}

async fn collection(
    State(control): State<ContentfulControl>,
    Path((_, _, collection)): Path<(String, String, String)>,
    Query(parameters): Parameters,
) -> Response {
    let Some(kind) = kind(&collection) else { return error(StatusCode::NOT_FOUND, "NotFound") };
    if parameters.len() != 1 || parameters.get("limit").map(String::as_str) != Some("0") {
        return error(StatusCode::BAD_REQUEST, "UnsupportedByTheSimulator");
    }
    let total = control.lock().count(kind);
    Json(json!({ "sys": { "type": "Array" }, "total": total, "skip": 0, "limit": 0, "items": [] }))
        .into_response()
}

async fn item(
    State(control): State<ContentfulControl>,
    Path((_, _, collection, id)): Path<(String, String, String, String)>,
    Query(parameters): Parameters,
) -> Response {
    let mut state = control.lock();
    state.reads += 1;
    let Some(kind) = kind(&collection) else { return error(StatusCode::NOT_FOUND, "NotFound") };
    match (state.live(&(kind, id)), parameters.get("locale").map(String::as_str)) {
        (None, _) => error(StatusCode::NOT_FOUND, "NotFound"),
        (Some(resource), Some("*")) => Json(&resource.json).into_response(),
        (Some(resource), None) => Json(in_default_language(&resource.json)).into_response(),
        (Some(_), Some(_)) => error(StatusCode::BAD_REQUEST, "BadRequest"),
    }
}
