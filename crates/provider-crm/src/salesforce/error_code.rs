//! Salesforce's error codes, which say more than the status:
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm>,
//! <https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm>.

use std::time::Duration;

use provider_http::{Outage, ProviderError};
use serde::Deserialize;

const QUOTA_PAUSE: Duration = Duration::from_secs(15 * 60);
const CONCURRENCY_PAUSE: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct ReplyError {
    #[serde(rename = "errorCode")]
    code: String,
    message: Option<String>,
}

/// Reads the body of an error reply. `None`: the status says everything.
pub(crate) fn read_error(_status: u16, body: &[u8]) -> Option<ProviderError> {
    let errors: Vec<ReplyError> = serde_json::from_slice(body).ok()?;
    let ReplyError { code, message } = errors.first()?;
    temporary(code, message.as_deref())
}

fn temporary(code: &str, message: Option<&str>) -> Option<ProviderError> {
    match code {
        "REQUEST_LIMIT_EXCEEDED" => {
            // Requests of the used-up quota become available one by one, as old ones leave the window of 24 hours. The limit of
            // long requests at once has the same code, and ends as soon as some of them end.
            let concurrent = message.is_some_and(|message| message.starts_with("Concurrent"));
            let retry_after = if concurrent { CONCURRENCY_PAUSE } else { QUOTA_PAUSE };
            Some(ProviderError::RateLimited { retry_after })
        }
        "UNABLE_TO_LOCK_ROW" | "QUERY_TIMEOUT" | "SERVER_UNAVAILABLE" => Some(BUSY),
        _ => None,
    }
}

const BUSY: ProviderError = ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };

pub(crate) fn write_error(code: &str, message: Option<&str>) -> ProviderError {
    match code {
        // Another writer has just created a contact with the same key. The next try finds it.
        "DUPLICATE_VALUE" | "DUPLICATE_EXTERNAL_ID" => BUSY,
        "ENTITY_IS_DELETED" | "INVALID_CROSS_REFERENCE_KEY" => ProviderError::Invalid { status: 404 },
        _ => temporary(code, message).unwrap_or(ProviderError::Invalid { status: 400 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_of_temporary_errors_are_read_from_a_body() {
        let limited = |secs| Some(ProviderError::RateLimited { retry_after: Duration::from_secs(secs) });
        let cases = [
            (
                r#"[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]"#,
                limited(900),
            ),
            (
                r#"[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"ConcurrentPerOrgLongTxn Limit exceeded."}]"#,
                limited(30),
            ),
            (r#"[{"errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#, limited(900)),
            (r#"[{"errorCode":"UNABLE_TO_LOCK_ROW","message":"","fields":[]}]"#, Some(BUSY)),
            (r#"[{"errorCode":"INSUFFICIENT_ACCESS"}]"#, None),
            ("[]", None),
            (r#"{"errorCode":"REQUEST_LIMIT_EXCEEDED"}"#, None),
            ("<html>", None),
        ];
        for (body, expected) in cases {
            assert_eq!(read_error(403, body.as_bytes()), expected, "{body}");
        }
    }
}
