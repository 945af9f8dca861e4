//! Why a call of AWS or a step of a drill failed. Operation and code only, because AWS's texts may quote receipts.

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use job_process::JobError;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed: {code}")]
pub(crate) struct CloudError {
    operation: &'static str,
    code: String,
}

impl CloudError {
    pub(crate) fn of<E: ProvideErrorMetadata, R>(operation: &'static str, error: &SdkError<E, R>) -> Self {
        let code = match error {
            SdkError::ServiceError(service) => service.err().code().unwrap_or("no code"),
            SdkError::TimeoutError(_) => "timeout",
            SdkError::DispatchFailure(_) => "no connection to AWS, or no AWS credentials",
            _ => "unreadable reply",
        };
        Self { operation, code: code.to_owned() }
    }

    /// A reply without the value that the call should return.
    pub(crate) fn incomplete(operation: &'static str) -> Self {
        Self { operation, code: String::from("incomplete reply") }
    }
}

impl From<CloudError> for JobError {
    fn from(error: CloudError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Why a step failed. The caller tries it again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error(transparent)]
    Cloud(#[from] CloudError),
    #[error(transparent)]
    Queue(#[from] sqs_queue::QueueError),
    #[error(transparent)]
    Store(#[from] postgres_store::StoreError),
    #[error(transparent)]
    Bus(#[from] event_bus::BusError),
    #[error(transparent)]
    Entry(#[from] event_bus::EntryError),
}

impl From<StepError> for JobError {
    fn from(error: StepError) -> Self {
        Self::Failed(error.to_string())
    }
}
