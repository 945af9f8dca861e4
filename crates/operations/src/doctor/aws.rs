//! AWS as the unit would reach it, with short timeouts, and what an error of a call means for a check. AWS's error texts are
//! dropped, because they may quote what was sent.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_eventbridge::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_eventbridge::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_eventbridge::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::finding::Findings;

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPTS: u32 = 5;

#[derive(Debug)]
pub(crate) struct Aws {
    pub(crate) config: SdkConfig,
    pub(crate) events: aws_sdk_eventbridge::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    clock: ServerClock,
}

impl Aws {
    pub(crate) async fn connect() -> Self {
        // An init container must not hang.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(timeouts)
            // Testing patterns makes many calls of a kind that AWS allows few of in a second.
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .load()
            .await;
        let clock = ServerClock::default();
        let events = aws_sdk_eventbridge::config::Builder::from(&config).interceptor(clock.clone()).build();
        Self {
            events: aws_sdk_eventbridge::Client::from_conf(events),
            sqs: aws_sdk_sqs::Client::new(&config),
            config,
            clock,
        }
    }

    pub(crate) fn clock_ahead(&self) -> Option<time::Duration> {
        *self.clock.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Clone, Default)]
struct ServerClock {
    ahead: Arc<Mutex<Option<time::Duration>>>,
}

impl Intercept for ServerClock {
    fn name(&self) -> &'static str {
        "ServerClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(date) = date.and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok()) {
            let ahead = date - OffsetDateTime::now_utc();
            *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AwsFault {
    Missing,
    Denied,
    /// AWS refuses these credentials, or there are none.
    Credentials(String),
    /// No answer, or one without a meaning for the check.
    NoAnswer(String),
}

/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html>, and SQS's own.
const MISSING: [&str; 3] =
    ["ResourceNotFoundException", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"];
const DENIED: [&str; 4] =
    ["AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "AuthorizationErrorException"];
const CREDENTIALS: [&str; 9] = [
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "ExpiredToken",
    "ExpiredTokenException",
    "MissingAuthenticationToken",
];

const NO_ANSWER_TO_THIS: [&str; 6] = [
    "ThrottlingException",
    "Throttling",
    "RequestThrottled",
    "UnknownOperationException",
    "InvalidAction",
    "NotImplemented",
];

impl AwsFault {
    pub(crate) fn of<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Self {
        let code = match error {
            SdkError::ServiceError(service) => service.err().code().unwrap_or("an error without a code"),
            SdkError::TimeoutError(_) => "timeout",
            SdkError::DispatchFailure(failure) if failure.is_timeout() => "timeout",
            SdkError::DispatchFailure(failure) if failure.is_io() => "no connection",
            // Signing needs credentials, and fails before anything is sent.
            SdkError::DispatchFailure(_) => {
                return Self::Credentials(String::from("there are no credentials to sign the request"));
            }
            SdkError::ConstructionFailure(_) => "the request cannot be made",
            _ => "unreadable reply",
        };
        Self::of_code(code)
    }

    fn of_code(code: &str) -> Self {
        match code {
            code if MISSING.contains(&code) => Self::Missing,
            code if DENIED.contains(&code) => Self::Denied,
            code if CREDENTIALS.contains(&code) => Self::Credentials(code.to_owned()),
            code => Self::NoAnswer(code.to_owned()),
        }
    }

    pub(crate) fn report(
        &self,
        findings: &mut Findings,
        check: &'static str,
        about: &str,
        action: &str,
        fix: &str,
    ) {
        match self {
            Self::Missing => findings.fault(check, about, "it does not exist", fix),
            Self::Denied => findings.skipped(check, about, format!("no permission {action}: not checked")),
            // The service works and does not answer this call: it throttles, or it is an emulator that lacks the operation.
            Self::NoAnswer(code) if NO_ANSWER_TO_THIS.contains(&code.as_str()) => {
                findings.skipped(check, about, format!("{action} failed: {self}"));
            }
            Self::Credentials(_) => {
                findings.fault(check, about, format!("{action} failed: {self}"), RENEW);
            }
            // A service that cannot be reached is a fault: the unit could not reach it either.
            Self::NoAnswer(_) => {
                findings.fault(check, about, format!("{action} failed: {self}"), REACH);
            }
        }
    }
}

const RENEW: &str = "check the role or the keys in the environment: AWS refuses them";
const REACH: &str =
    "check AWS_REGION and AWS_ENDPOINT_URL, and the NetworkPolicy, security group or VPC endpoint in between";

impl fmt::Display for AwsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it does not exist"),
            Self::Denied => f.write_str("no permission"),
            Self::Credentials(code) | Self::NoAnswer(code) => f.write_str(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_permission_differs_from_a_missing_thing_and_from_bad_credentials() {
        for (code, expected) in [
            ("QueueDoesNotExist", AwsFault::Missing),
            ("AccessDeniedException", AwsFault::Denied),
            ("ExpiredTokenException", AwsFault::Credentials(String::from("ExpiredTokenException"))),
            ("ThrottlingException", AwsFault::NoAnswer(String::from("ThrottlingException"))),
        ] {
            assert_eq!(AwsFault::of_code(code), expected);
        }
    }
}
