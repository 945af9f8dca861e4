//! Okta asks once whether the hook is ours, without its secret.
//! <https://developer.okta.com/docs/concepts/event-hooks/#one-time-verification-request>
//!
//! Anybody may ask, so it counts for no rate: it costs no more than a refusal.

use axum::http::HeaderMap;
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;

use crate::reply::Reply;

/// Largest challenge that is answered.
const MAX_CHALLENGE_BYTES: usize = 1024;

#[derive(Serialize)]
struct Verification<'a> {
    verification: &'a str,
}

/// The reply as it is counted, and as it is sent.
pub(crate) fn answer(headers: &HeaderMap) -> (Reply, Response) {
    let given = headers.get("x-okta-verification-challenge").and_then(|value| value.to_str().ok());
    match given.filter(|text| !text.is_empty() && text.len() <= MAX_CHALLENGE_BYTES) {
        Some(verification) => (Reply::ChallengeAnswered, Json(Verification { verification }).into_response()),
        None => (Reply::Challenge, Reply::Challenge.into_response()),
    }
}
