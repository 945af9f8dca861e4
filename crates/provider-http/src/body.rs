//! Reads a reply's body: up to a limit, and without quoting it.
//!
//! In: a reply whose status has been read. Out: the record, or [`ProviderError::Malformed`] with a place in the body and
//! none of its text. Only the vendor's own reader sees an error's body.

use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::config::ReadError;
use crate::error::ProviderError;
use crate::rate_limit::believable;

/// Limit of a token endpoint's reply.
pub(crate) const MAX_TOKEN_BYTES: usize = 64 * 1024;
/// Limit of an error's body: a code and a sentence.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// Reads and decodes the body. A reply without content (204) reads as JSON's `null`.
///
/// # Errors
/// [`ProviderError::Malformed`] when the body is too large or not the promised JSON, [`ProviderError::Unavailable`] when
/// the connection breaks or the call times out.
pub(crate) async fn read_json<T: DeserializeOwned>(
    reply: Response,
    max_bytes: usize,
) -> Result<T, ProviderError> {
    if reply.status() == StatusCode::NO_CONTENT {
        return decode(b"null");
    }
    decode(&read_bounded(reply, max_bytes).await?)
}

/// What the vendor's own reader finds in an error reply. `None`: no more than the status says.
///
/// A pause is clamped to the usual bounds, whether a body or a header asks for it.
pub(crate) async fn read_failure(reply: Response, read: ReadError) -> Option<ProviderError> {
    let status = reply.status().as_u16();
    let body = read_bounded(reply, MAX_ERROR_BYTES).await.ok()?;
    Some(match read(status, &body)? {
        ProviderError::RateLimited { retry_after } => {
            ProviderError::RateLimited { retry_after: believable(retry_after) }
        }
        ProviderError::Unavailable { cause, retry_after } => {
            ProviderError::Unavailable { cause, retry_after: retry_after.map(believable) }
        }
        other => other,
    })
}

async fn read_bounded(mut reply: Response, max_bytes: usize) -> Result<Vec<u8>, ProviderError> {
    let mut body = Vec::new();
    while let Some(chunk) = reply.chunk().await? {
        if body.len() + chunk.len() > max_bytes {
            return Err(ProviderError::WHOLE_REPLY_MALFORMED);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Keeps the place of a JSON error, and drops its text, which quotes the body.
fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, ProviderError> {
    serde_json::from_slice(body)
        .map_err(|error| ProviderError::Malformed { line: error.line(), column: error.column() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_where_a_body_is_wrong_and_quotes_nothing() {
        let error = decode::<u64>(b"<html>\nmara.quill@example.org</html>").unwrap_err();
        assert_eq!(error, ProviderError::Malformed { line: 1, column: 1 });
        assert!(!format!("{error} {error:?}").contains("mara"));
    }
}
