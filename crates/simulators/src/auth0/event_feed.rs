//! `GET /api/v2/events`: all changes of users so far as server-sent events, and then silence, as in a quiet hour. It never
//! ends by itself.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Auth0Control;
use super::events::Change;
use super::reply::error;
use super::state::{FeedEntry, State as Tenant};

/// Where to begin, and what is asked for.
struct Wanted {
    begin: usize,
    types: Vec<String>,
}

pub(crate) async fn events(State(control): State<Auth0Control>, RawQuery(query): RawQuery) -> Response {
    let frames = {
        let state = control.lock();
        let Some(wanted) = read(&state, &query.unwrap_or_default()) else {
            return error(
                StatusCode::GONE,
                "Gone",
                "The offset is not known, or not any more",
                "offset_expired",
            );
        };
        let entries = state.feed.iter().enumerate().skip(wanted.begin);
        let frames = entries.map(|(index, entry)| frame(&state, &wanted.types, index + 1, entry));
        frames.fold(String::from(":connected\n\nretry: 3000\n\n"), |all, frame| all + &frame)
    };
    let now = stream::once(async move { Ok::<_, Infallible>(Bytes::from(frames)) });
    let body = Body::from_stream(now.chain(stream::pending()));
    ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// `None`: no such offset.
fn read(state: &Tenant, query: &str) -> Option<Wanted> {
    let mut wanted = Wanted { begin: state.feed.len(), types: Vec::new() };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let value = percent_encoding::percent_decode_str(value).decode_utf8().ok()?.into_owned();
        match name {
            "event_type" => wanted.types.push(value),
            "from" => {
                let offset = value.strip_prefix("sim|")?.parse().ok()?;
                wanted.begin = Some(offset).filter(|offset| *offset <= state.feed.len())?;
            }
            "from_timestamp" => {
                let from = OffsetDateTime::parse(&value, &Rfc3339).ok()?;
                wanted.begin = state.feed.iter().take_while(|entry| entry.at < from).count();
            }
            _ => return None,
        }
    }
    Some(wanted)
}

/// A change of another kind only moves the offset.
fn frame(state: &Tenant, types: &[String], offset: usize, entry: &FeedEntry) -> String {
    let record = state.users.get(&entry.user_id);
    let user = record.and_then(|record| record.current.as_ref().or(record.previous.as_ref()));
    let event = user.map(|user| Change { kind: entry.kind, user: user.clone(), at: entry.at }.stream_event());
    let offset = format!("sim|{offset}");
    match event.filter(|event| types.is_empty() || types.contains(&event.detail_type)) {
        Some(event) => {
            let detail: Value = serde_json::from_str(&event.detail).expect("the simulator writes JSON");
            let data = json!({ "offset": offset, "event": detail });
            format!("id: {offset}\nevent: {}\ndata: {data}\n\n", event.detail_type)
        }
        None => format!("id: {offset}\nevent: offset-only\ndata: {}\n\n", json!({ "offset": offset })),
    }
}
