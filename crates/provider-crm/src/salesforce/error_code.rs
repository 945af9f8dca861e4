//! Salesforce's error codes, which say more than the status:
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm>,
//! <https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm>.

use std::time::Duration;

use provider_http::{Outage, ProviderError};
use serde::Deserialize;

use super::record::EXTERNAL_KEY;

const QUOTA_PAUSE: Duration = Duration::from_secs(15 * 60);
const CONCURRENCY_PAUSE: Duration = Duration::from_secs(30);

/// Codes that name the content of the written record.
const OF_RECORD: [&str; 14] = [
    "DUPLICATES_DETECTED",
    "DUPLICATE_EXTERNAL_ID",
    "DUPLICATE_VALUE",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "FIELD_FILTER_VALIDATION_EXCEPTION",
    "FIELD_INTEGRITY_EXCEPTION",
    "INVALID_EMAIL_ADDRESS",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    "INVALID_PHONE_NUMBER",
    "MALFORMED_ID",
    "NUMBER_OUTSIDE_VALID_RANGE",
    "REQUIRED_FIELD_MISSING",
    "STRING_TOO_LONG",
    "TRANSFER_REQUIRES_READ",
];

/// Codes of our set-up and permissions, of triggers and flows, and of requests that the API does not know.
const OF_SETUP: [&str; 15] = [
    "API_DISABLED_FOR_ORG",
    "CANNOT_EXECUTE_FLOW_TRIGGER",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "FUNCTIONALITY_NOT_ENABLED",
    "INSUFFICIENT_ACCESS",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "INVALID_CROSS_REFERENCE_KEY",
    "INVALID_FIELD",
    "INVALID_FIELD_FOR_INSERT_UPDATE",
    "INVALID_TYPE",
    "MALFORMED_QUERY",
    "NOT_FOUND",
    "STORAGE_LIMIT_EXCEEDED",
    "TXN_SECURITY_METERING_ERROR",
];

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
    listed(code, message.as_deref())
}

fn listed(code: &str, message: Option<&str>) -> Option<ProviderError> {
    let of = |codes: &'static [&'static str], names_record| {
        let code = codes.iter().copied().find(|listed| *listed == code)?;
        Some(ProviderError::Refused { code, names_record })
    };
    match code {
        "REQUEST_LIMIT_EXCEEDED" => {
            // Requests of the used-up quota become available one by one, as old ones leave the window of 24 hours. The limit of
            // long requests at once has the same code, and ends as soon as some of them end.
            let concurrent = message.is_some_and(|message| message.starts_with("Concurrent"));
            let retry_after = if concurrent { CONCURRENCY_PAUSE } else { QUOTA_PAUSE };
            Some(ProviderError::RateLimited { retry_after })
        }
        "UNABLE_TO_LOCK_ROW" | "QUERY_TIMEOUT" | "SERVER_UNAVAILABLE" => Some(BUSY),
        // A trigger passes the lock's error on in its message.
        _ if message.is_some_and(|message| message.contains("UNABLE_TO_LOCK_ROW")) => Some(BUSY),
        _ => of(&OF_RECORD, true).or_else(|| of(&OF_SETUP, false)),
    }
}

pub(crate) const BUSY: ProviderError =
    ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };

/// What the result of one written record means. `None`: the contact with the given ID does not exist.
pub(crate) fn write_error(code: &str, message: Option<&str>) -> Option<ProviderError> {
    let says = |text| message.is_some_and(|message: &str| message.contains(text));
    match code {
        "ENTITY_IS_DELETED" => None,
        // The same code refuses a record type, an owner or an account.
        "INVALID_CROSS_REFERENCE_KEY" if says("invalid cross reference id") => None,
        // Another writer has just created a contact with the same key. The next try finds it.
        "DUPLICATE_VALUE" if says(EXTERNAL_KEY) => Some(BUSY),
        _ => Some(listed(code, message).unwrap_or(ProviderError::Invalid { status: 400 })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_codes_are_read_from_a_body() {
        let refused = |code, names_record| Some(ProviderError::Refused { code, names_record });
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
            (r#"[{"errorCode":"INSUFFICIENT_ACCESS"}]"#, refused("INSUFFICIENT_ACCESS", false)),
            (
                r#"[{"errorCode":"INVALID_FIELD","message":"No such column"}]"#,
                refused("INVALID_FIELD", false),
            ),
            (r#"[{"errorCode":"DUPLICATES_DETECTED"}]"#, refused("DUPLICATES_DETECTED", true)),
            (r#"[{"errorCode":"orla@example.org"}]"#, None),
            ("[]", None),
            (r#"{"errorCode":"REQUEST_LIMIT_EXCEEDED"}"#, None),
            ("<html>", None),
        ];
        for (body, expected) in cases {
            assert_eq!(read_error(403, body.as_bytes()), expected, "{body}");
        }
    }
}
