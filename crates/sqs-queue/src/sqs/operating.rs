//! What operators' tools ask of SQS beside messages: which queues there are, how they are set, and move tasks.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

use super::{SqsQueue, failure, settings};
use crate::{Operation, QueueError};

/// A queue and its name.
#[derive(Debug, Clone)]
pub struct NamedQueue {
    /// The last part of its URL.
    pub name: String,
    /// The queue.
    pub queue: SqsQueue,
}

/// How a queue is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueFacts {
    /// Its ARN.
    pub arn: String,
    /// How long it keeps a message, in seconds. A message that SQS itself moved here counts from when it was first sent.
    pub retention_secs: i64,
}

/// How far a move task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveProgress {
    /// `RUNNING`, `COMPLETED`, `CANCELLING`, `CANCELLED` or `FAILED`.
    pub status: String,
    /// Messages moved so far, approximately.
    pub moved: i64,
    /// Messages to move, when it began, approximately.
    pub to_move: Option<i64>,
    /// Why it failed.
    pub failure: Option<String>,
}

/// The queues whose names begin with `prefix`.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html>
pub async fn list_queues(config: &SdkConfig, prefix: &str) -> Result<Vec<NamedQueue>, QueueError> {
    let client = Client::from_conf(settings::for_short_calls(config));
    // Without a page size, SQS answers a thousand and says nothing of the rest.
    let mut pages = client.list_queues().queue_name_prefix(prefix).max_results(1000).into_paginator().send();
    let mut queues = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::call_failed(Operation::ListQueues, &error))?;
        for url in page.queue_urls() {
            let name = url.rsplit('/').next().unwrap_or_default().to_owned();
            queues.push(NamedQueue { name, queue: SqsQueue::new(client.clone(), url) });
        }
    }
    Ok(queues)
}

impl SqsQueue {
    /// How it is set. <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>
    pub async fn facts(&self) -> Result<QueueFacts, QueueError> {
        let (arn, retention) = (QueueAttributeName::QueueArn, QueueAttributeName::MessageRetentionPeriod);
        let call = self.client.get_queue_attributes().queue_url(&self.queue_url);
        let call = call.attribute_names(arn.clone()).attribute_names(retention.clone());
        let reply = call.send().await.map_err(|error| failure::call_failed(Operation::Depth, &error))?;
        let mut attributes = reply.attributes.unwrap_or_default();
        let retention_secs = attributes.get(&retention).and_then(|text| text.parse().ok());
        attributes
            .remove(&arn)
            .zip(retention_secs)
            .map(|(arn, retention_secs)| QueueFacts { arn, retention_secs })
            .ok_or_else(|| failure::malformed(Operation::Depth))
    }

    /// Starts to move everything in this dead-letter queue to `to`. `per_second`: SQS allows 500; `None`: SQS decides.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html>
    ///
    /// # Errors
    /// [`QueueError::Refused`] when a task of this queue is running already, or this is no queue's dead-letter queue.
    pub async fn start_move(&self, to: &Self, per_second: Option<i32>) -> Result<(), QueueError> {
        let (arn, destination) = (self.facts().await?.arn, to.facts().await?.arn);
        // The destination is named, because SQS does not know the source queue of a message that a worker sent.
        let call = self.client.start_message_move_task().source_arn(arn).destination_arn(destination);
        let call = call.set_max_number_of_messages_per_second(per_second);
        call.send().await.map_err(|error| failure::call_failed(Operation::StartMove, &error))?;
        Ok(())
    }

    /// The newest move task of this dead-letter queue. `None`: there was none lately.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html>
    pub async fn newest_move(&self) -> Result<Option<MoveProgress>, QueueError> {
        let arn = self.facts().await?.arn;
        let reply = self.client.list_message_move_tasks().source_arn(arn).max_results(1).send().await;
        let reply = reply.map_err(|error| failure::call_failed(Operation::ListMoves, &error))?;
        Ok(reply.results().first().map(|task| MoveProgress {
            status: task.status().unwrap_or_default().to_owned(),
            moved: task.approximate_number_of_messages_moved(),
            to_move: task.approximate_number_of_messages_to_move(),
            failure: task.failure_reason().map(str::to_owned),
        }))
    }
}
