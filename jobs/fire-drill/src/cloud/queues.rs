//! Queues with their attributes.

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::QueueAttributeName as Name;
use serde_json::Value;

use super::Cloud;
use crate::failure::CloudError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueFacts {
    pub(crate) url: String,
    pub(crate) arn: String,
    /// Who may send to it, as JSON.
    pub(crate) policy: Option<String>,
    /// The ARN of its DLQ.
    pub(crate) dlq: Option<String>,
    pub(crate) visible: u64,
    /// Received, and neither deleted nor visible again.
    pub(crate) in_flight: u64,
}

fn is_missing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    // The code, because SQS sends the code of the older protocol, which differs from the error's name.
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    code.ends_with("NonExistentQueue") || code.ends_with("QueueDoesNotExist")
}

impl Cloud {
    pub(crate) async fn queue(&self, name: &str) -> Result<Option<QueueFacts>, CloudError> {
        let url = match self.queues.get_queue_url().queue_name(name).send().await {
            Ok(reply) => reply.queue_url.ok_or(CloudError::incomplete("GetQueueUrl"))?,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(CloudError::of("GetQueueUrl", &error)),
        };
        let wanted = [
            Name::QueueArn,
            Name::Policy,
            Name::RedrivePolicy,
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesNotVisible,
        ];
        let call = self.queues.get_queue_attributes().queue_url(&url);
        let reply = match call.set_attribute_names(Some(wanted.to_vec())).send().await {
            Ok(reply) => reply,
            // Deleted since the first call.
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(CloudError::of("GetQueueAttributes", &error)),
        };
        let mut attributes = reply.attributes.unwrap_or_default();
        let count = |name| attributes.get(&name).and_then(|count| count.parse().ok()).unwrap_or(0);
        let (visible, in_flight) =
            (count(Name::ApproximateNumberOfMessages), count(Name::ApproximateNumberOfMessagesNotVisible));
        let redrive = attributes.remove(&Name::RedrivePolicy);
        let redrive = redrive.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        Ok(Some(QueueFacts {
            arn: attributes.remove(&Name::QueueArn).ok_or(CloudError::incomplete("GetQueueAttributes"))?,
            policy: attributes.remove(&Name::Policy).filter(|policy| !policy.is_empty()),
            dlq: redrive.and_then(|redrive| Some(redrive["deadLetterTargetArn"].as_str()?.to_owned())),
            visible,
            in_flight,
            url,
        }))
    }
}
