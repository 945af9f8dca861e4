//! Reading a reply's body: bounded, and without quoting it.
//!
//! In: a reply whose status is already understood. Out: the record, or [`ProviderError::Malformed`] with a place in
//! the body and none of its text.

use reqwest::Response;
use serde::de::DeserializeOwned;

use crate::error::ProviderError;

/// The largest body that is read. Auth0 bounds a user's metadata to 16 MB in theory, a few KB in practice; a page of
/// 100 users stays well below this.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Reads and decodes the body.
///
/// # Errors
/// [`ProviderError::Malformed`] when it is too large or not the promised JSON, [`ProviderError::Unavailable`] when
/// the connection breaks or time runs out.
pub(crate) async fn read_json<T: DeserializeOwned>(mut reply: Response) -> Result<T, ProviderError> {
    let mut body = Vec::new();
    while let Some(chunk) = reply.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(ProviderError::WHOLE_REPLY_MALFORMED);
        }
        body.extend_from_slice(&chunk);
    }
    decode(&body)
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
    fn a_wrong_body_is_placed_and_not_quoted() {
        let error = decode::<u64>(b"<html>\nmara.quill@example.org</html>").unwrap_err();
        assert_eq!(error, ProviderError::Malformed { line: 1, column: 1 });
        assert!(!format!("{error} {error:?}").contains("mara"));
    }
}
