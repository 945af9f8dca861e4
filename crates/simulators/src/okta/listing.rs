//! `GET /api/v1/users`: page by page, without those who are deactivated; they are listed apart, by a filter.
//!
//! Pages: <https://developer.okta.com/docs/api/#pagination>. Only the link says where the next page begins. Its
//! cursor is opaque and contains characters that must be encoded in a URL, because Okta does not promise otherwise.

use std::collections::HashMap;
use std::ops::Bound;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::LINK;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::OktaControl;
use super::reply::error;
use super::user::{SimulatedUser, Status};
use crate::listing_fault::PageAs;

/// The parameters of the request.
struct Wanted<'a> {
    limit: usize,
    /// The last user of the page before.
    after: Option<&'a str>,
    ids_only: bool,
    /// Only deactivated users.
    deactivated: bool,
}

pub(crate) async fn users(
    State(control): State<OktaControl>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let Some(wanted) = read(&query) else {
        return error(StatusCode::BAD_REQUEST, "E0000001", "Api validation failed");
    };
    let mut state = control.lock();
    let page_as = state.requests.listing.next_page();
    if page_as == PageAs::Failed {
        return error(StatusCode::INTERNAL_SERVER_ERROR, "E0000009", "Internal Server Error");
    }
    if let (PageAs::TheOneBefore, Some((link, body))) = (page_as, state.last_page.clone()) {
        return (AppendHeaders(link.map(|link| (LINK, link))), Json(body)).into_response();
    }
    let from = wanted.after.map_or(Bound::Unbounded, Bound::Excluded);
    let users = state.users.range::<str, _>((from, Bound::Unbounded)).filter_map(|(id, _)| state.visible(id));
    let mut listed = users.filter(|user| (user.status == Status::Deprovisioned) == wanted.deactivated);
    let shown = if page_as == PageAs::Empty { 0 } else { wanted.limit };
    let page: Vec<&SimulatedUser> = listed.by_ref().take(shown).collect();
    let next = listed.next().and_then(|_| Some(page.last()?.id.as_str()));
    let base = control.base_url();
    let links = [
        Some(link(&base, &wanted, wanted.after, "self")),
        next.map(|id| link(&base, &wanted, Some(id), "next")),
    ];
    let body =
        |user: &&SimulatedUser| if wanted.ids_only { json!({ "id": user.id }) } else { user.to_json() };
    let body: Vec<Value> = page.iter().map(body).collect();
    state.last_page = Some((links[1].clone(), body.clone()));
    let links = AppendHeaders(links.into_iter().flatten().map(|link| (LINK, link)));
    (links, Json(body)).into_response()
}

fn read(query: &HashMap<String, String>) -> Option<Wanted<'_>> {
    let limit = query.get("limit").map_or(Some(200), |text| text.parse().ok());
    let after = match query.get("after") {
        Some(cursor) => Some(cursor.strip_prefix("sim|")?.strip_suffix('=')?),
        None => None,
    };
    let ids_only = match query.get("fields").map(String::as_str) {
        Some("id") => true,
        None => false,
        Some(_) => return None, // Unsupported by the simulator.
    };
    let deactivated = match query.get("filter").map(String::as_str) {
        Some(r#"status eq "DEPROVISIONED""#) => true,
        None => false,
        Some(_) => return None, // Unsupported by the simulator.
    };
    Some(Wanted { limit: limit.filter(|limit| (1..=200).contains(limit))?, after, ids_only, deactivated })
}

fn link(base: &str, wanted: &Wanted<'_>, after: Option<&str>, relation: &str) -> HeaderValue {
    let cursor = after.map(|id| format!("sim|{id}="));
    let after = cursor.map(|cursor| format!("after={}&", utf8_percent_encode(&cursor, NON_ALPHANUMERIC)));
    let fields = if wanted.ids_only { "&fields=id" } else { "" };
    let filter = if wanted.deactivated { "&filter=status+eq+%22DEPROVISIONED%22" } else { "" };
    let (after, limit) = (after.unwrap_or_default(), wanted.limit);
    let link = format!("<{base}/api/v1/users?{after}limit={limit}{fields}{filter}>; rel=\"{relation}\"");
    HeaderValue::try_from(link).expect("an encoded URL is a header value")
}
