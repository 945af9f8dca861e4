//! Checks of every request to either provider: counting, faults, the key, and the gates.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::control::IdentityControl;
use super::fault::Fault;

/// A provider, with the form of its errors.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) control: IdentityControl,
    /// The path of the list of cases.
    pub(crate) collection: &'static str,
    pub(crate) unauthorized: fn() -> Response,
    pub(crate) too_many: fn(u64) -> Response,
}

/// Counts before anything can fail: a test counts the requests, not the successful answers. The reply is made
/// before the gate.
pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let (fault, gate) = {
        let case = case_of(request.uri().path(), guard.collection);
        let mut state = guard.control.lock();
        state.count(case.as_deref());
        (state.fault, case.and_then(|id| state.gates.get(&id).cloned()))
    };
    match fault {
        Fault::Down => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Fault::WrongJson => return Html("<!doctype html><title>We'll be right back</title>").into_response(),
        Fault::RateLimited { reset_secs } => return (guard.too_many)(reset_secs),
        Fault::None | Fault::Slow(_) | Fault::Stale | Fault::Partial => {}
    }
    let key = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if key != Some(&format!("Bearer {}", guard.control.api_key())) {
        return (guard.unauthorized)();
    }
    let reply = next.run(request).await;
    if let Some(gate) = gate {
        gate.pass().await;
    }
    if let Fault::Slow(delay) = fault {
        tokio::time::sleep(delay).await;
    }
    reply
}

/// The case that is asked for: what is below the list.
fn case_of(path: &str, collection: &str) -> Option<String> {
    let id = path.strip_prefix(collection)?.strip_prefix('/')?;
    Some(percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned())
}

/// The status that a test has set for this case.
pub(crate) fn set_status(control: &IdentityControl, id: &str) -> Option<Response> {
    let status = *control.lock().statuses.get(id)?;
    Some(StatusCode::from_u16(status).unwrap_or(StatusCode::OK).into_response())
}
