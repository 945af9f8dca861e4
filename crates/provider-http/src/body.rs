//! Reads a reply's body: up to a limit, and without quoting it.
//! Only the vendor's own reader sees an error's body.

use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::error::ProviderError;
use crate::rate_limit::believable;

pub(crate) const MAX_TOKEN_BYTES: usize = 64 * 1024;
const MAX_ERROR_BYTES: usize = 64 * 1024;

pub(crate) async fn read_json<T: DeserializeOwned>(
    reply: Response,
    max_bytes: usize,
) -> Result<T, ProviderError> {
    if reply.status() == StatusCode::NO_CONTENT {
        // A reply without content reads as JSON's `null`.
        return decode(b"null");
    }
    decode(&read_bounded(reply, max_bytes).await?)
}

/// `None`: the body says no more than the status.
pub(crate) async fn read_failure(
    reply: Response,
    read: impl FnOnce(u16, &[u8]) -> Option<ProviderError>,
) -> Option<ProviderError> {
    let status = reply.status().as_u16();
    let body = read_bounded(reply, MAX_ERROR_BYTES).await.ok()?;
    // A pause is clamped to the usual bounds, whether a body or a header asks for it.
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

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, ProviderError> {
    // The place of the error only: its text quotes the body.
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
