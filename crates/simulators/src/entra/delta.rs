//! `GET /users/delta`: <https://learn.microsoft.com/graph/api/user-delta>. Without a token, a round lists every user; with one of
//! an earlier round, the users of which a selected field has changed since. Tokens are opaque, and contain characters that must
//! be encoded.

use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use super::EntraControl;
use super::fault::TokenEnd;
use super::reply::{error, link, within};
use super::state::State as Tenant;
use super::user::selected;

/// A change, as the delta query keeps it.
#[derive(Debug, Clone)]
pub(crate) struct FeedEntry {
    pub(crate) user_id: String,
    pub(crate) fields: Vec<String>,
}

/// What is left of a round, or where one begins.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    select: Option<String>,
    items: Vec<String>,
    page: usize,
    /// The feed's length when the round began: where the next one begins.
    end: usize,
}

pub(crate) async fn delta(
    State(control): State<EntraControl>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let mut state = control.lock();
    let select = query.get("$select").cloned();
    let end = state.feed.len();
    let token = query.get("$skiptoken").or_else(|| query.get("$deltatoken")).map(String::as_str);
    let round = match token {
        None => {
            let deleted = state.deleted.keys().cloned();
            let live =
                state.users.iter().filter(|(_, user)| user.current.is_some()).map(|(id, _)| id.clone());
            Ok(Round { select, items: live.chain(deleted).collect(), page: 0, end })
        }
        Some("latest") => Ok(Round { select, items: Vec::new(), page: 0, end }),
        Some(token) => match (state.rounds.get(token), state.ended.get(token).copied()) {
            (Some(round), _) if query.contains_key("$skiptoken") => Ok(round.clone()),
            (Some(round), _) => Ok(next_round(&state, round, select)),
            (None, ended) => Err(ended.unwrap_or(TokenEnd::Code("syncStateNotFound"))),
        },
    };
    match round {
        Ok(round) => {
            let (body, skip) = page(&mut state, round);
            drop(state);
            finish(&control, body, &skip)
        }
        Err(ended) => {
            drop(state);
            refuse(&control, ended)
        }
    }
}

fn next_round(state: &Tenant, round: &Round, select: Option<String>) -> Round {
    let select = select.or_else(|| round.select.clone());
    let names: Option<Vec<&str>> = select.as_deref().map(|select| select.split(',').collect());
    let counts = |entry: &&FeedEntry| {
        let selected = |field: &String| names.as_ref().is_none_or(|names| names.contains(&field.as_str()));
        entry.fields.iter().any(selected)
    };
    let mut items: Vec<String> = Vec::new();
    for entry in state.feed[round.end..].iter().filter(counts) {
        if !items.contains(&entry.user_id) {
            items.push(entry.user_id.clone());
        }
    }
    Round { select, items, page: 0, end: state.feed.len() }
}

/// Which link the page has, and its token.
enum Next {
    Skip(String),
    Delta(String),
}

fn page(state: &mut Tenant, mut round: Round) -> (Value, Next) {
    round.page += 1;
    let repeats = state.delta_repeats;
    let shown = if repeats && round.page == 1 { 0 } else { state.delta_page.min(round.items.len()) };
    let left = round.items.split_off(shown);
    let mut value: Vec<Value> = round.items.iter().map(|id| item(state, id, &round)).collect();
    if repeats {
        // The same item once more.
        value.extend(value.last().cloned());
    }
    let token = format!("sim|{}==", Uuid::new_v4().simple());
    let is_last = left.is_empty();
    let rest = Round { items: left, page: if is_last { 0 } else { round.page }, ..round };
    state.rounds.insert(token.clone(), rest);
    (json!({ "value": value }), if is_last { Next::Delta(token) } else { Next::Skip(token) })
}

fn item(state: &Tenant, id: &str, round: &Round) -> Value {
    let Some(user) = state.users.get(id).and_then(|record| record.current.as_ref()) else {
        let reason = if state.deleted.contains_key(id) { "changed" } else { "deleted" };
        return json!({ "id": id, "@removed": { "reason": reason } });
    };
    let mut fields = selected(&user.to_json(None), round.select.as_deref()).unwrap_or_default();
    fields.insert("id".to_owned(), id.into());
    // As seen: <https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/2255>.
    if round.page > 1 {
        fields.remove("accountEnabled");
    }
    Value::Object(fields)
}

fn finish(control: &EntraControl, mut body: Value, next: &Next) -> Response {
    let (name, parameter, token) = match next {
        Next::Skip(token) => ("@odata.nextLink", "$skiptoken", token),
        Next::Delta(token) => ("@odata.deltaLink", "$deltatoken", token),
    };
    body[name] = link(control, "users/delta", &[(parameter, token)]).into();
    within(control, "users", body)
}

fn refuse(control: &EntraControl, ended: TokenEnd) -> Response {
    match ended {
        TokenEnd::Gone => {
            let location = format!("{}/v1.0/users/delta?$deltatoken=", control.base_url());
            let body = error(StatusCode::GONE, "resyncRequired", "the token");
            ([(LOCATION, location)], body).into_response()
        }
        TokenEnd::Code(code) => error(StatusCode::BAD_REQUEST, code, "the token"),
    }
}
