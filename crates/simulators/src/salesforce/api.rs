//! Checks of every request of the API: counting, faults, token, limit, and the gates.
//!
//! The order of checks is the org's: outage, token, limit, then the request itself.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::post;

use super::SalesforceControl;
use super::call::Call;
use super::events::Transaction;
use super::fault::Fault;
use super::refusal::{Refusal, unavailable};
use super::token::{is_authorized, issue};
use super::{reads, state, writes};
use crate::simulator::Provider;

const LARGEST_BODY: usize = 32 << 20;

impl Provider for state::State {
    fn router(control: SalesforceControl) -> Router {
        Router::new().route("/services/oauth2/token", post(issue)).fallback(api).with_state(control)
    }
}

async fn api(State(control): State<SalesforceControl>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    let call = Call::parse(&parts.method, &parts.uri, &body);
    let (fault, used, allowed, names) = {
        let mut state = control.lock();
        let names = count(&mut state, &call);
        (state.requests.fault, state.requests.total, state.daily_calls, names)
    };
    if let Some(reply) = broken(fault) {
        return reply;
    }
    let mut reply = if !is_authorized(&control, &parts.headers) {
        let message = "Session expired or invalid".to_owned();
        Refusal { status: StatusCode::UNAUTHORIZED, code: "INVALID_SESSION_ID", message }.into_response()
    } else if fault == Fault::LimitExceeded || used > allowed {
        let message = "TotalRequests Limit exceeded.".to_owned();
        Refusal { status: StatusCode::FORBIDDEN, code: "REQUEST_LIMIT_EXCEEDED", message }.into_response()
    } else {
        match call.and_then(|call| call.check_size().map(|()| call)) {
            Ok(call) => answer(&control, call, &names, &parts.headers).await,
            Err(refusal) => refusal.into_response(),
        }
    };
    let used = if fault == Fault::LimitExceeded { allowed } else { used.min(allowed) };
    let usage = format!("api-usage={used}/{allowed}").parse().expect("digits can stand in a header");
    reply.headers_mut().insert("sforce-limit-info", usage);
    if let Fault::Slow(delay) = fault {
        tokio::time::sleep(delay).await;
    }
    reply
}

/// Counts before anything can fail: a test counts the requests, not the successful answers. Gives back what the request
/// names: IDs and keys as they stand there, and the IDs of the contacts that have these keys now.
fn count(state: &mut state::State, call: &Result<Call, Refusal>) -> BTreeSet<String> {
    state.requests.total += 1;
    let Ok(call) = call else { return BTreeSet::new() };
    let is_ping = match call {
        Call::Limits => true,
        Call::Query { soql, .. } => soql.limit == Some(1),
        _ => false,
    };
    state.requests.pings += usize::from(is_ping);
    state.writes += usize::from(call.is_write());
    let mut names: BTreeSet<String> = call.names().into_iter().collect();
    let of_keys: Vec<String> =
        names.iter().filter_map(|key| state.by_key(key)).map(|contact| contact.id.clone()).collect();
    names.extend(of_keys);
    for name in &names {
        state.requests.count(name);
    }
    names
}

/// The error of the org before it looks at the request.
fn broken(fault: Fault) -> Option<Response> {
    Some(match fault {
        Fault::Down => unavailable(),
        Fault::ServerError(status) => {
            let status = StatusCode::from_u16(status).expect("a test sets a status of HTTP");
            let message = "An unexpected error occurred".to_owned();
            Refusal { status, code: "UNKNOWN_EXCEPTION", message }.into_response()
        }
        Fault::WrongJson => Html("<!doctype html><title>We are down for maintenance</title>").into_response(),
        _ => return None,
    })
}

/// Carries the request out on arrival, and holds the reply at the gates of what it names.
async fn answer(
    control: &SalesforceControl,
    call: Call,
    names: &BTreeSet<String>,
    headers: &HeaderMap,
) -> Response {
    let (reply, gates, lost) = {
        let mut state = control.lock();
        let gates: Vec<_> = names.iter().filter_map(|name| state.requests.gate(name)).collect();
        let lost = call.is_write() && state.requests.fault == Fault::LostReplies;
        let refusal = names.iter().find_map(|name| state.requests.refusal(name));
        let reply = refusal.unwrap_or_else(|| carry_out(&mut state, call, headers));
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

fn carry_out(state: &mut state::State, call: Call, headers: &HeaderMap) -> Response {
    let options = headers.get("sforce-call-options").and_then(|options| options.to_str().ok());
    let client =
        options.and_then(|options| options.split(',').find_map(|o| o.trim().strip_prefix("client=")));
    let mut transaction = Transaction::of_client(client);
    match call {
        Call::Limits => reads::limits(state),
        Call::Read { target, fields } => reads::one(state, &target, fields.as_deref()),
        Call::ReadMany { ids, fields } => reads::many(state, &ids, &fields),
        Call::Query { soql, deleted_too } => reads::query(state, &soql, deleted_too),
        Call::NextPage(page) => reads::next_page(state, &page),
        Call::Write { target, values } => writes::one(state, &mut transaction, &target, &values),
        Call::UpsertMany(batch) => writes::upsert_many(state, &mut transaction, &batch),
        Call::UpdateMany(batch) => writes::update_many(state, &mut transaction, &batch),
    }
}
