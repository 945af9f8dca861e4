//! The routes: tokens, a user by ID, the list of users, deleted items, sign-ins, the delta query (`delta.rs`) and subscriptions
//! (`subscription.rs`).

use std::collections::HashMap;
use std::ops::Bound;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::EntraControl;
use super::delta::delta;
use super::fault::Fault;
use super::guard::guard;
use super::reply::{error, link, within};
use super::state::State as Tenant;
use super::subscription::{create, list, one, reauthorize, renew};
use super::token::issue;
use super::user::selected;
use crate::listing_fault::PageAs;
use crate::simulator::Provider;

/// Users on a page, without `$top`, and at most.
const PAGES: (usize, usize) = (100, 999);

type Parameters = Query<HashMap<String, String>>;

impl Provider for Tenant {
    fn router(control: EntraControl) -> Router {
        let graph = Router::new()
            .route("/v1.0/users", get(users))
            .route("/v1.0/users/delta", get(delta))
            .route("/v1.0/users/{id}", get(user))
            .route("/v1.0/directory/deletedItems/microsoft.graph.user", get(deleted_users))
            .route("/v1.0/directory/deletedItems/{id}/microsoft.graph.user", get(deleted_user))
            .route("/v1.0/directory/deletedItems/{id}/restore", post(restore))
            .route("/v1.0/auditLogs/signIns/{id}", get(sign_in))
            .route("/v1.0/subscriptions", get(list).post(create))
            .route("/v1.0/subscriptions/{id}", get(one).patch(renew))
            .route("/v1.0/subscriptions/{id}/reauthorize", post(reauthorize))
            .fallback(unknown)
            .layer(middleware::from_fn_with_state(control.clone(), guard));
        Router::new().route("/{tenant}/oauth2/v2.0/token", post(issue)).merge(graph).with_state(control)
    }
}

async fn unknown() -> Response {
    error(StatusCode::BAD_REQUEST, "BadRequest", "the segment")
}

/// <https://learn.microsoft.com/graph/api/user-get>
async fn user(
    State(control): State<EntraControl>,
    Path(id): Path<String>,
    Query(query): Parameters,
) -> Response {
    let state = control.lock();
    if let Some(refusal) = state.requests.refusal(&id) {
        return refusal;
    }
    let Some(record) = state.visible(&id).map(|user| user.to_json(None)) else {
        drop(state);
        return not_found(&id);
    };
    let select = query.get("$select").map(String::as_str).filter(|_| state.requests.fault != Fault::Partial);
    drop(state);
    match selected(&record, select) {
        Ok(fields) => within(&control, "users/$entity", fields.into()),
        Err(name) => error(StatusCode::BAD_REQUEST, "Request_BadRequest", &name),
    }
}

fn not_found(id: &str) -> Response {
    error(StatusCode::NOT_FOUND, "Request_ResourceNotFound", id)
}

/// <https://learn.microsoft.com/graph/api/user-list>
async fn users(State(control): State<EntraControl>, Query(query): Parameters) -> Response {
    let top = query.get("$top").map_or(Some(PAGES.0), |top| top.parse().ok());
    let Some(top) = top.filter(|top| (1..=PAGES.1).contains(top)) else {
        return error(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", "$top");
    };
    let after = match query
        .get("$skiptoken")
        .map(|token| token.strip_prefix("sim|").and_then(|rest| rest.strip_suffix('=')))
    {
        Some(None) => return error(StatusCode::BAD_REQUEST, "Directory_ExpiredPageToken", "the token"),
        other => other.flatten(),
    };
    let mut state = control.lock();
    let page_as = state.requests.listing.next_page();
    if page_as == PageAs::Failed {
        return error(StatusCode::INTERNAL_SERVER_ERROR, "UnknownError", "the request");
    }
    if let (PageAs::TheOneBefore, Some(page)) = (page_as, state.last_page.clone()) {
        drop(state);
        return within(&control, "users", page);
    }
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut listed =
        state.users.range::<str, _>((from, Bound::Unbounded)).filter_map(|(id, _)| state.visible(id));
    let shown = if page_as == PageAs::Empty { 0 } else { top };
    let records: Vec<Value> = listed.by_ref().take(shown).map(|user| user.to_json(None)).collect();
    let next = listed.next().and_then(|_| records.last()?["id"].as_str().map(|id| format!("sim|{id}=")));
    drop(state);
    let select = query.get("$select").map(String::as_str);
    let fields = |record: &Value| selected(record, select).map(Value::Object);
    let records = match records.iter().map(fields).collect::<Result<Vec<_>, _>>() {
        Ok(records) => records,
        Err(name) => return error(StatusCode::BAD_REQUEST, "Request_BadRequest", &name),
    };
    let mut page = json!({ "value": records });
    if let Some(next) = next {
        let top = top.to_string();
        let own = [("$top", top.as_str())].into_iter().chain(select.map(|select| ("$select", select)));
        let all: Vec<_> = own.chain([("$skiptoken", next.as_str())]).collect();
        page["@odata.nextLink"] = link(&control, "users", &all).into();
    }
    control.lock().last_page = Some(page.clone());
    within(&control, "users", page)
}

/// <https://learn.microsoft.com/graph/api/directory-deleteditems-get>
async fn deleted_user(
    State(control): State<EntraControl>,
    Path(id): Path<String>,
    Query(query): Parameters,
) -> Response {
    let state = control.lock();
    let deleted = state.deleted.get(&id).map(|(user, at)| user.to_json(Some(*at)));
    drop(state);
    let Some(record) = deleted else { return not_found(&id) };
    match selected(&record, query.get("$select").map(String::as_str)) {
        Ok(fields) => within(&control, "directoryObjects/microsoft.graph.user/$entity", fields.into()),
        Err(name) => error(StatusCode::BAD_REQUEST, "Request_BadRequest", &name),
    }
}

/// <https://learn.microsoft.com/graph/api/directory-deleteditems-list>
async fn deleted_users(State(control): State<EntraControl>, Query(query): Parameters) -> Response {
    let state = control.lock();
    let records: Vec<Value> = state.deleted.values().map(|(user, at)| user.to_json(Some(*at))).collect();
    drop(state);
    let fields =
        |record: &Value| selected(record, query.get("$select").map(String::as_str)).map(Value::Object);
    match records.iter().map(fields).collect::<Result<Vec<_>, _>>() {
        Ok(records) => within(&control, "directoryObjects/microsoft.graph.user", json!({ "value": records })),
        Err(name) => error(StatusCode::BAD_REQUEST, "Request_BadRequest", &name),
    }
}

/// <https://learn.microsoft.com/graph/api/directory-deleteditems-restore>
async fn restore(State(control): State<EntraControl>, Path(id): Path<String>) -> Response {
    if !control.lock().deleted.contains_key(&id) {
        return not_found(&id);
    }
    let user = control.restore(&id);
    match selected(&user.to_json(None), None) {
        Ok(fields) => within(&control, "directoryObjects/$entity", fields.into()),
        Err(name) => error(StatusCode::BAD_REQUEST, "Request_BadRequest", &name),
    }
}

/// <https://learn.microsoft.com/graph/api/signin-get>
async fn sign_in(
    State(control): State<EntraControl>,
    Path(id): Path<String>,
    Query(query): Parameters,
) -> Response {
    let state = control.lock();
    if let Some(refusal) = state.requests.refusal(&id) {
        return refusal;
    }
    let entry = state.sign_ins.get(&id).cloned();
    drop(state);
    let Some(entry) = entry else {
        return error(StatusCode::NOT_FOUND, "ResourceNotFound", &id).into_response();
    };
    let all: Vec<&str> = entry.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let all = all.join(",");
    let select = query.get("$select").map_or(all.as_str(), String::as_str);
    match selected(&entry, Some(select)) {
        Ok(fields) => within(&control, "auditLogs/signIns/$entity", fields.into()),
        Err(name) => error(StatusCode::BAD_REQUEST, "BadRequest", &name),
    }
}
