//! `GET /api/v2/users`: all users, those with an identity of some ID, or those created since, page by page.
//!
//! As at Auth0, a search gives its first 1,000 results: <https://auth0.com/docs/manage-users/user-search/view-search-results-by-page>.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Auth0Control;
use super::reply::{body, error};
use super::state::State as Tenant;
use super::user::{SimulatedIdentity, SimulatedUser};
use crate::listing_fault::PageAs;

const MOST_RESULTS: usize = 1000;

/// The search.
enum Search {
    All,
    Identity(String),
    CreatedSince(OffsetDateTime),
}

pub(crate) async fn users(
    State(control): State<Auth0Control>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let number = |name, default| query.get(name).map_or(Ok(default), |text| text.parse::<usize>());
    let (Ok(page), Ok(per_page @ 0..=100)) = (number("page", 0), number("per_page", 50)) else {
        return refused("Query validation error");
    };
    let Some(search) = Search::read(query.get("q")) else { return refused("Unsupported by the simulator") };
    if page * per_page + per_page > MOST_RESULTS {
        return refused("You can only page through the first 1000 records");
    }
    let mut state = control.lock();
    let totals = query.get("include_totals").is_some_and(|wanted| wanted == "true");
    let page_as = if totals { state.requests.listing.next_page() } else { PageAs::Usual };
    if page_as == PageAs::Failed {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        return error(status, "Internal Server Error", "An internal error occurred", "internal_error");
    }
    if let (PageAs::TheOneBefore, Some(before)) = (page_as, state.last_page.clone()) {
        return Json(before).into_response();
    }
    let found = found(&state, &search, query.get("sort").is_some_and(|sort| sort == "created_at:1"));
    let (start, total) = (page * per_page, found.len());
    let shown = if page_as == PageAs::Empty { 0 } else { per_page };
    let fields = fields(&query);
    let json = |user: &&SimulatedUser| selected(body(user, state.requests.fault), fields.as_deref());
    let users: Vec<Value> = found.iter().skip(start).take(shown).map(json).collect();
    if !totals {
        return Json(users).into_response();
    }
    let length = users.len();
    let reply =
        json!({ "start": start, "limit": per_page, "length": length, "total": total, "users": users });
    state.last_page = Some(reply.clone());
    Json(reply).into_response()
}

impl Search {
    /// `None`: unknown syntax.
    fn read(search: Option<&String>) -> Option<Self> {
        let Some(search) = search else { return Some(Self::All) };
        if let Some(quoted) = search.strip_prefix("identities.user_id:\"") {
            let quoted = quoted.strip_suffix('"')?;
            return Some(Self::Identity(quoted.replace("\\\"", "\"").replace(r"\\", r"\")));
        }
        let from = search.strip_prefix("created_at:[")?.strip_suffix(" TO *]")?;
        Some(Self::CreatedSince(OffsetDateTime::parse(from, &Rfc3339).ok()?))
    }
}

fn found<'a>(state: &'a Tenant, search: &Search, by_creation: bool) -> Vec<&'a SimulatedUser> {
    if by_creation || matches!(search, Search::CreatedSince(_)) {
        let from = if let Search::CreatedSince(from) = search { *from } else { OffsetDateTime::UNIX_EPOCH };
        let created = state.by_creation.range((from, String::new())..);
        return created.filter_map(|(_, id)| state.visible(id)).collect();
    }
    let users = state.users.keys().filter_map(|id| state.visible(id));
    let has = |user: &&SimulatedUser| match search {
        Search::Identity(subject) => {
            user.identities.iter().map(SimulatedIdentity::subject).any(|id| id == *subject)
        }
        Search::All | Search::CreatedSince(_) => true,
    };
    users.filter(has).collect()
}

/// The fields that the query asks for. `None`: all.
pub(crate) fn fields(query: &HashMap<String, String>) -> Option<Vec<&str>> {
    query.get("fields").map(|fields| fields.split(',').collect())
}

pub(crate) fn selected(user: Value, fields: Option<&[&str]>) -> Value {
    match (user, fields) {
        (Value::Object(user), Some(fields)) => {
            user.into_iter().filter(|(name, _)| fields.contains(&name.as_str())).collect()
        }
        (user, _) => user,
    }
}

fn refused(message: &str) -> Response {
    error(StatusCode::BAD_REQUEST, "Bad Request", message, "invalid_query_string")
}
