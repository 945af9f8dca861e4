//! The form of a webhook: JSON without encoding, of limited size, complete in time.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};

use crate::reply::Reply;

// The largest body of a provider, a batch of a hundred events, has a tenth of it.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Checks the content type and the encoding.
pub(crate) fn check_head(headers: &HeaderMap) -> Result<(), Reply> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let kind = text(CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    let json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    if !json {
        return Err(Reply::ContentType);
    }
    // A compressed body has no known size, and no provider sends one.
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    if encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        Ok(())
    } else {
        Err(Reply::Encoding)
    }
}

/// The body, if all of it comes within `limit`.
pub(crate) async fn read_body(request: Request, limit: Duration) -> Result<Bytes, Reply> {
    // The router limits the body to `MAX_BODY_BYTES`.
    match tokio::time::timeout(limit, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Reply::TooLarge),
        Ok(Err(_)) => Err(Reply::Body),
        Err(_) => Err(Reply::TooSlow),
    }
}
