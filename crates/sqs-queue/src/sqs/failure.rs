//! What an error of a whole call means. Codes only: SQS's texts quote receipts.

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};

use crate::{Operation, QueueError};

/// Codes below 500 that waiting cures. Old protocols send throttling as 403; credentials that ran out are renewed by the next
/// call. <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>
const WAITING_HELPS: [&str; 10] = [
    "RequestThrottled",
    "ThrottlingException",
    "Throttling",
    "KMS.ThrottlingException",
    "TooManyRequestsException",
    "SlowDown",
    "OverLimit",
    "RequestTimeout",
    "RequestExpired",
    "ExpiredToken",
];

pub(super) fn call_failed<E: ProvideErrorMetadata>(
    operation: Operation,
    error: &SdkError<E, HttpResponse>,
) -> QueueError {
    match error {
        SdkError::ServiceError(service) => answered(operation, service.raw().status().as_u16(), error.code()),
        SdkError::ConstructionFailure(_) => unbuildable(operation),
        SdkError::TimeoutError(_) => unavailable(operation, "timeout"),
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => unavailable(operation, "timeout"),
        SdkError::DispatchFailure(_) => unavailable(operation, "no connection to AWS, or no AWS credentials"),
        _ => unavailable(operation, "unreadable reply"),
    }
}

pub(super) fn malformed(operation: Operation) -> QueueError {
    unavailable(operation, "unreadable reply")
}

pub(super) fn unbuildable(operation: Operation) -> QueueError {
    // No region, or a URL that is none.
    QueueError::Refused { operation: operation.name(), code: "cannot build the request".to_owned() }
}

fn answered(operation: Operation, status: u16, code: Option<&str>) -> QueueError {
    let waiting_helps = status >= 500 || status == 429 || code.is_some_and(is_passing);
    let code = code.map_or_else(|| format!("HTTP {status}"), str::to_owned);
    let operation = operation.name();
    if waiting_helps {
        QueueError::Unavailable { operation, code }
    } else {
        QueueError::Refused { operation, code }
    }
}

fn is_passing(code: &str) -> bool {
    let code = code.strip_prefix("AWS.SimpleQueueService.").unwrap_or(code);
    WAITING_HELPS.contains(&code)
}

fn unavailable(operation: Operation, code: &str) -> QueueError {
    QueueError::Unavailable { operation: operation.name(), code: code.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_is_not_mistaken_for_missing_rights() {
        for (status, code, waiting_helps) in [
            (403, Some("RequestThrottled"), true),
            (403, Some("AWS.SimpleQueueService.RequestThrottled"), true),
            (400, Some("ThrottlingException"), true),
            (403, Some("OverLimit"), true),
            (403, Some("ExpiredToken"), true),
            (429, None, true),
            (500, Some("InternalFailure"), true),
            (503, None, true),
            (403, Some("AccessDenied"), false),
            (400, Some("AccessDeniedException"), false),
            (400, Some("AWS.SimpleQueueService.NonExistentQueue"), false),
            (400, Some("QueueDoesNotExist"), false),
            (403, Some("InvalidClientTokenId"), false),
            (404, None, false),
        ] {
            let error = answered(Operation::Receive, status, code);
            assert_eq!(matches!(error, QueueError::Unavailable { .. }), waiting_helps, "{status} {code:?}");
        }
    }
}
