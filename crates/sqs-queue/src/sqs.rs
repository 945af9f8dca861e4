//! The client of the real service.
//!
//! In: a queue's URL and the process's AWS configuration. Out: [`Queue`], with every entry of every batch reply read. This
//! module must not retry on its own, and puts neither a body nor SQS's error text, which quotes receipts, into an error.

mod batch;
mod failure;
mod message;
mod operating;
mod settings;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, MessageSystemAttributeName,
    QueueAttributeName, SendMessageBatchRequestEntry,
};

use crate::queue::{over_batch_limit, visibility_secs};
use crate::{
    BATCH_LIMIT, Depth, EntryError, MAX_WAIT, Operation, OutgoingMessage, Queue, QueueError, Receipt,
    ReceivedMessage,
};

pub use operating::{MoveProgress, NamedQueue, QueueFacts, list_queues};

/// A queue of the real service, or of an emulator.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    receiver: Client,
    queue_url: String,
    /// How long a receive hides its messages. `None`: the queue's own visibility timeout.
    hidden_for: Option<Duration>,
}

impl SqsQueue {
    /// Connects to nothing yet: sets timeouts and retries, whatever the process's defaults are.
    pub fn connect(config: &SdkConfig, queue_url: impl Into<String>) -> Self {
        Self::new(Client::from_conf(settings::for_short_calls(config)), queue_url)
    }

    /// Uses `client` as it is for everything but receiving; receiving gets a copy whose timeouts allow a long poll.
    pub fn new(client: Client, queue_url: impl Into<String>) -> Self {
        let receiver = Client::from_conf(settings::for_long_polls(client.config()));
        Self { client, receiver, queue_url: queue_url.into(), hidden_for: None }
    }

    /// The same queue, whose receives hide their messages for so long, whatever the queue says.
    #[must_use]
    pub fn hiding_for(self, hidden_for: Duration) -> Self {
        Self { hidden_for: Some(hidden_for), ..self }
    }

    /// The queue's own visibility timeout: how long a received message stays away from other consumers by itself.
    pub async fn visibility_timeout(&self) -> Result<Duration, QueueError> {
        let name = QueueAttributeName::VisibilityTimeout;
        let call =
            self.client.get_queue_attributes().queue_url(&self.queue_url).attribute_names(name.clone());
        let reply = call.send().await.map_err(|error| failure::call_failed(Operation::Depth, &error))?;
        let seconds = reply.attributes.unwrap_or_default().get(&name).and_then(|text| text.parse().ok());
        seconds.map(Duration::from_secs).ok_or_else(|| failure::malformed(Operation::Depth))
    }
}

impl Queue for SqsQueue {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<ReceivedMessage>, QueueError> {
        // <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
        let reply = self
            .receiver
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(i32::try_from(max.clamp(1, BATCH_LIMIT)).unwrap_or(1))
            .wait_time_seconds(i32::try_from(wait.min(MAX_WAIT).as_secs()).unwrap_or(0))
            .set_visibility_timeout(self.hidden_for.map(visibility_secs))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_attribute_names("All")
            .send()
            .await
            .map_err(|error| failure::call_failed(Operation::Receive, &error))?;
        reply.messages.unwrap_or_default().into_iter().map(message::received).collect()
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        // <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html>
        if batch::needs_no_call(Operation::Delete, receipts.len())? {
            return Ok(Vec::new());
        }
        let entries = built(Operation::Delete, receipts.iter().enumerate(), |position, receipt| {
            DeleteMessageBatchRequestEntry::builder().id(position).receipt_handle(&receipt.0).build()
        })?;
        let reply =
            self.client.delete_message_batch().queue_url(&self.queue_url).set_entries(Some(entries)).send();
        let reply = reply.await.map_err(|error| failure::call_failed(Operation::Delete, &error))?;
        let succeeded = reply.successful().iter().map(|entry| entry.id());
        Ok(batch::results(receipts.len(), succeeded, reply.failed()))
    }

    async fn change_visibility(
        &self,
        entries: &[(Receipt, Duration)],
    ) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        // <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html>
        let count = entries.len();
        if batch::needs_no_call(Operation::ChangeVisibility, count)? {
            return Ok(Vec::new());
        }
        let entries =
            built(Operation::ChangeVisibility, entries.iter().enumerate(), |position, (receipt, after)| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(position)
                    .receipt_handle(&receipt.0);
                entry.visibility_timeout(visibility_secs(*after)).build()
            })?;
        let call = self
            .client
            .change_message_visibility_batch()
            .queue_url(&self.queue_url)
            .set_entries(Some(entries));
        let reply =
            call.send().await.map_err(|error| failure::call_failed(Operation::ChangeVisibility, &error))?;
        Ok(batch::results(count, reply.successful().iter().map(|entry| entry.id()), reply.failed()))
    }

    async fn send(&self, messages: &[OutgoingMessage]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        // <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>
        if batch::needs_no_call(Operation::Send, messages.len())? {
            return Ok(Vec::new());
        }
        let entries = built(Operation::Send, messages.iter().enumerate(), |position, message| {
            let attributes = message::outgoing_attributes(&message.attributes)?;
            let entry = SendMessageBatchRequestEntry::builder().id(position).message_body(&message.body);
            entry.set_message_attributes(attributes).build()
        })?;
        let reply =
            self.client.send_message_batch().queue_url(&self.queue_url).set_entries(Some(entries)).send();
        let reply = reply.await.map_err(|error| failure::call_failed(Operation::Send, &error))?;
        let succeeded = reply.successful().iter().map(|entry| entry.id());
        Ok(batch::results(messages.len(), succeeded, reply.failed()))
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        use QueueAttributeName as Name;
        let names = [
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesNotVisible,
            Name::ApproximateNumberOfMessagesDelayed,
        ];
        // <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>
        let call = self.client.get_queue_attributes().queue_url(&self.queue_url);
        let reply = call.set_attribute_names(Some(names.to_vec())).send().await;
        let reply = reply.map_err(|error| failure::call_failed(Operation::Depth, &error))?;
        let counts = reply.attributes.unwrap_or_default();
        let [visible, in_flight, delayed] =
            names.map(|name| counts.get(&name).and_then(|count| count.parse().ok()));
        visible
            .zip(in_flight)
            .zip(delayed)
            .map(|((visible, in_flight), delayed)| Depth { visible, in_flight, delayed })
            .ok_or_else(|| failure::malformed(Operation::Depth))
    }
}

fn built<'a, I: 'a, E>(
    operation: Operation,
    inputs: impl Iterator<Item = (usize, &'a I)>,
    build: impl Fn(String, &'a I) -> Result<E, BuildError>,
) -> Result<Vec<E>, QueueError> {
    // Positions as IDs: message IDs may repeat in one batch, positions cannot.
    inputs
        .map(|(position, input)| build(position.to_string(), input))
        .collect::<Result<_, _>>()
        .map_err(|_| failure::unbuildable(operation))
}
