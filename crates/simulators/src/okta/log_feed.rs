//! `GET /api/v1/logs`: an entry by `uuid`, or all changes of users since, page by page. Asked without an end, it always has
//! a next link: <https://developer.okta.com/docs/reference/system-log-query/#polling-requests>.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::LINK;
use axum::response::{AppendHeaders, IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::OktaControl;
use super::events::Change;
use super::reply::error;
use super::state::{FeedEntry, State as Organization};

const FAMILIES: &str = r#"eventType sw "user.lifecycle" or eventType sw "user.account""#;

pub(crate) async fn log(
    State(control): State<OktaControl>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let filter = query.get("filter").map_or("", String::as_str);
    if let Some(uuid) = filter.strip_prefix("uuid eq \"").and_then(|rest| rest.strip_suffix('"')) {
        return Json(Vec::from_iter(control.lock().log.get(uuid).cloned())).into_response();
    }
    let ascending = query.get("sortOrder").is_some_and(|order| order == "ASCENDING");
    let state = control.lock();
    match begin(&state, &query).filter(|_| filter == FAMILIES && ascending) {
        Some((begin, limit)) => page(&control, &state, &query, begin, limit),
        None => error(StatusCode::BAD_REQUEST, "E0000053", "Unsupported by the simulator"),
    }
}

fn begin(state: &Organization, query: &HashMap<String, String>) -> Option<(usize, usize)> {
    let limit = query.get("limit").map_or(Some(100), |limit| limit.parse().ok());
    let begin = match query.get("after") {
        Some(cursor) => cursor.strip_prefix("sim|")?.strip_suffix('=')?.parse().ok()?,
        None => {
            let since = OffsetDateTime::parse(query.get("since")?, &Rfc3339).ok()?;
            state.feed.iter().take_while(|entry| entry.at < since).count()
        }
    };
    Some((begin, limit.filter(|limit| (1..=1000).contains(limit))?))
}

fn page(
    control: &OktaControl,
    state: &Organization,
    query: &HashMap<String, String>,
    begin: usize,
    limit: usize,
) -> Response {
    let entry = |entry: &FeedEntry| {
        let record = state.users.get(&entry.user_id);
        let user = record.and_then(|record| record.current.as_ref().or(record.previous.as_ref()))?;
        let change = Change { event_type: entry.event_type, user: user.clone(), at: entry.at };
        serde_json::from_str(&change.log_event().detail).ok()
    };
    let entries: Vec<Value> = state.feed.iter().skip(begin).take(limit).filter_map(entry).collect();
    let cursor = format!("sim|{}=", begin + entries.len());
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let rest: String = ["since", "sortOrder", "filter", "limit"]
        .iter()
        .filter_map(|name| Some(format!("&{name}={}", encoded(query.get(*name)?))))
        .collect();
    let link = format!("<{}/api/v1/logs?after={}{rest}>; rel=\"next\"", control.base_url(), encoded(&cursor));
    (AppendHeaders([(LINK, link)]), Json(entries)).into_response()
}
