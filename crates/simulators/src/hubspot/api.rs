//! Checks of every request of the API: counting, faults, token, limits, and the gates.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use super::HubSpotControl;
use super::call::Call;
use super::contact::KEY_PROPERTY;
use super::fault::Fault;
use super::limits::refused;
use super::refusal::Refusal;
use super::{reads, state, writes};
use crate::simulator::Provider;

const LARGEST_BODY: usize = 32 << 20;

impl Provider for state::State {
    fn router(control: HubSpotControl) -> Router {
        Router::new().fallback(api).with_state(control)
    }
}

async fn api(State(control): State<HubSpotControl>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    let call = Call::parse(&parts.method, &parts.uri, &body);
    let (fault, names) = {
        let mut state = control.lock();
        let names = count(&mut state, &call);
        (state.requests.fault, names)
    };
    if let Some(reply) = broken(fault) {
        return reply;
    }
    if fault == Fault::TokenRefused || !is_authorized(&control, &parts.headers) {
        return Refusal::unauthorized().into_response();
    }
    let mut admitted = control.lock().limits.take(matches!(call, Ok(Call::Search(_))));
    let mut reply = match (admitted.refusal(), call) {
        (Some(refusal), _) => refusal,
        (None, _) if fault == Fault::LimitExceeded => refused("DAILY", "daily"),
        (None, Ok(call)) => answer(&control, call, &names).await,
        (None, Err(refusal)) => refusal.into_response(),
    };
    admitted.state_in(&mut reply);
    if let Fault::Slow(delay) = fault {
        tokio::time::sleep(delay).await;
    }
    reply
}

/// Counts before anything can fail: a test counts the requests, not the successful answers. Gives back what the request names:
/// IDs and unique values as they stand there, and the IDs of the contacts that have these keys now.
fn count(state: &mut state::State, call: &Result<Call, Refusal>) -> BTreeSet<String> {
    state.requests.total += 1;
    let Ok(call) = call else { return BTreeSet::new() };
    state.requests.pings += usize::from(matches!(call, Call::List { limit: 1, .. }));
    state.writes += usize::from(call.is_write());
    let mut names: BTreeSet<String> = call.names().into_iter().collect();
    let of_keys: Vec<String> = names
        .iter()
        .filter_map(|key| state.by_unique(KEY_PROPERTY, key))
        .map(|contact| contact.id.to_string())
        .collect();
    names.extend(of_keys);
    for name in &names {
        state.requests.count(name);
    }
    names
}

/// The error of the account before it looks at the request.
fn broken(fault: Fault) -> Option<Response> {
    Some(match fault {
        Fault::Down => {
            (StatusCode::SERVICE_UNAVAILABLE, Html("<!doctype html><title>Down</title>")).into_response()
        }
        Fault::ServerError(status) => {
            Refusal::down(StatusCode::from_u16(status).expect("a test sets a status of HTTP")).into_response()
        }
        Fault::WrongJson => Html("<!doctype html><title>We are down for maintenance</title>").into_response(),
        _ => return None,
    })
}

fn is_authorized(control: &HubSpotControl, headers: &HeaderMap) -> bool {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    token == Some(control.token())
}

/// Carries the request out on arrival, and holds the reply at the gates of what it names.
async fn answer(control: &HubSpotControl, call: Call, names: &BTreeSet<String>) -> Response {
    let (reply, gates, lost) = {
        let mut state = control.lock();
        let gates: Vec<_> = names.iter().filter_map(|name| state.requests.gate(name)).collect();
        let lost = call.is_write() && state.requests.fault == Fault::LostReplies;
        let locked = call.is_write() && state.requests.fault == Fault::Locked;
        let refusal = names.iter().find_map(|name| state.requests.refusal(name));
        let refusal = refusal.or_else(|| locked.then(|| Refusal::locked().into_response()));
        let reply = refusal.unwrap_or_else(|| carry_out(&mut state, call, &control.base_url()));
        (reply, gates, lost)
    };
    for gate in gates {
        gate.pass().await;
    }
    if lost {
        // Ends the connection's task, and with it the connection. Unlike a panic it prints nothing.
        std::panic::resume_unwind(Box::new("the reply is lost"));
    }
    reply
}

fn carry_out(state: &mut state::State, call: Call, base: &str) -> Response {
    match call {
        Call::List { limit, after, shown } => reads::list(state, limit, after, &shown, base),
        Call::Read { id, by, shown } => reads::one(state, &id, by.as_deref(), &shown),
        Call::ReadMany { ids, by, shown } => reads::many(state, &ids, by.as_deref(), &shown),
        Call::Search(search) => search.answer(state),
        Call::Create(input) => writes::create(state, &input),
        Call::UpdateOne(input) => writes::update(state, &input),
        Call::Write { kind, inputs } => writes::many(state, kind, &inputs),
        Call::Archive(ids) => writes::archive(state, &ids),
        Call::Merge { primary, other } => writes::merge(state, &primary, &other),
    }
}
