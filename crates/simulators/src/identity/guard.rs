//! Checks of every request to either provider: counting, faults, the key, and the gates.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::fault::Fault;
use super::{IdentityControl, Vendor};

/// Counts before anything can fail: a test counts the requests, not the successful answers. The reply is made
/// before the gate.
pub(crate) async fn guard<V: Vendor>(
    State(control): State<IdentityControl<V>>,
    request: Request,
    next: Next,
) -> Response {
    let (fault, gate) = {
        let case = case_of(request.uri().path(), V::CASES);
        let requests = &mut control.lock().requests;
        requests.total += 1;
        match &case {
            Some(id) => requests.count(id),
            None => requests.pings += 1,
        }
        (requests.fault, case.and_then(|id| requests.gate(&id)))
    };
    match fault {
        Fault::Down => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Fault::WrongJson => return Html("<!doctype html><title>We'll be right back</title>").into_response(),
        Fault::RateLimited { reset_secs } => return V::too_many(reset_secs),
        Fault::None | Fault::Slow(_) | Fault::Stale | Fault::Partial => {}
    }
    let key = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if key != Some(&format!("Bearer {}", V::API_KEY)) {
        return V::unauthorized();
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
