//! Reads a reply's body: up to a limit, without a byte order mark, and without quoting it.
//! Only the vendor's own reader sees an error's body.

use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::error::ProviderError;
use crate::rate_limit::believable;

const MAX_TOKEN_BYTES: usize = 64 * 1024;
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// Some servers begin a text with it, and JSON must not: <https://www.rfc-editor.org/rfc/rfc8259#section-8.1>.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The largest body that is read, and the setting that says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit {
    pub(crate) bytes: usize,
    pub(crate) setting: &'static str,
}

pub(crate) async fn read_json<T: DeserializeOwned>(
    reply: Response,
    limit: BodyLimit,
) -> Result<T, ProviderError> {
    if reply.status() == StatusCode::NO_CONTENT {
        // A reply without content reads as JSON's `null`.
        return decode(b"null");
    }
    let body = read_bounded(reply, limit.bytes).await?;
    decode(&body.ok_or(limit.exceeded())?)
}

pub(crate) async fn read_token<T: DeserializeOwned>(reply: Response) -> Result<T, ProviderError> {
    let body = read_bounded(reply, MAX_TOKEN_BYTES).await?;
    decode(&body.ok_or(ProviderError::Unusable { why: "it is larger than any token" })?)
}

impl BodyLimit {
    pub(crate) const fn exceeded(self) -> ProviderError {
        ProviderError::TooLarge { limit_bytes: self.bytes, setting: self.setting }
    }
}

/// `None`: the body says no more than the status.
pub(crate) async fn read_failure(
    reply: Response,
    read: impl FnOnce(u16, &[u8]) -> Option<ProviderError>,
) -> Option<ProviderError> {
    let status = reply.status().as_u16();
    let body = read_bounded(reply, MAX_ERROR_BYTES).await.ok()??;
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

/// `None`: the body is larger.
async fn read_bounded(mut reply: Response, max_bytes: usize) -> Result<Option<Vec<u8>>, ProviderError> {
    let mut body = Vec::new();
    while let Some(chunk) = reply.chunk().await? {
        if body.len() + chunk.len() > max_bytes {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    if body.starts_with(BYTE_ORDER_MARK) {
        body.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(Some(body))
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
