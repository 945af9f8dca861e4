//! What an error of a whole call means. Codes only: EventBridge's texts may quote the event.

use aws_sdk_eventbridge::config::http::HttpResponse;
use aws_sdk_eventbridge::error::{ProvideErrorMetadata, SdkError};

use crate::BusError;

/// Codes below 500: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html>.
const WAITING_HELPS: [&str; 7] = [
    "ThrottlingException",
    "Throttling",
    "LimitExceededException",
    "TooManyRequestsException",
    "RequestTimeout",
    "RequestExpired",
    "ExpiredTokenException",
];

pub(super) fn call_failed<E: ProvideErrorMetadata>(
    operation: &'static str,
    error: &SdkError<E, HttpResponse>,
) -> BusError {
    let unavailable = |code: &str| BusError::Unavailable { operation, code: code.to_owned() };
    match error {
        SdkError::ServiceError(service) => answered(operation, service.raw().status().as_u16(), error.code()),
        SdkError::ConstructionFailure(_) => {
            BusError::Refused { operation, code: "cannot build the request".to_owned() }
        }
        SdkError::TimeoutError(_) => unavailable("timeout"),
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => unavailable("timeout"),
        SdkError::DispatchFailure(_) => unavailable("no connection to AWS, or no AWS credentials"),
        _ => unavailable("unreadable reply"),
    }
}

fn answered(operation: &'static str, status: u16, code: Option<&str>) -> BusError {
    // Credentials that ran out are renewed by the next call.
    let waiting_helps =
        status >= 500 || status == 429 || code.is_some_and(|code| WAITING_HELPS.contains(&code));
    let code = code.map_or_else(|| format!("HTTP {status}"), str::to_owned);
    if waiting_helps {
        BusError::Unavailable { operation, code }
    } else {
        BusError::Refused { operation, code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_is_not_mistaken_for_missing_rights() {
        for (status, code, waiting_helps) in [
            (400, Some("ThrottlingException"), true),
            (400, Some("ExpiredTokenException"), true),
            (500, Some("InternalException"), true),
            (503, None, true),
            (400, Some("AccessDeniedException"), false),
            (400, Some("ValidationException"), false),
            (413, None, false),
        ] {
            let error = answered("PutEvents", status, code);
            assert_eq!(matches!(error, BusError::Unavailable { .. }), waiting_helps, "{status} {code:?}");
        }
    }
}
