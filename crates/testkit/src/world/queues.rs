//! The messages in the units' queues and dead-letter queues.

use std::time::Duration;

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use local_stack::wait_until;

use super::{Cloud, PATIENCE, World};

/// A dead-lettered message.
#[derive(Debug, Clone)]
pub struct DeadLettered {
    /// The message as it was.
    pub body: String,
    /// The worker's attributes: `coppice.class` and so on. Empty if SQS moved the message.
    pub attributes: std::collections::BTreeMap<String, String>,
}

impl World {
    /// Makes a queue that is not of the topology, with its dead-letter queue. Returns both URLs.
    ///
    /// # Panics
    /// In a world with an emulator, whose stack has the queues.
    pub fn create_queue(&self, name: &str) -> (String, String) {
        match &self.cloud {
            Cloud::InProcess(aws) => aws.create_queue(name, Duration::from_secs(20), 50),
            Cloud::Emulator(_) => panic!("this needs the queues in this process: Setup::DEFAULT"),
        }
    }

    /// Waits until a queue is empty, with nothing in flight.
    pub async fn settled(&self, unit: &str) {
        self.emptied(self.topology.queue_url(unit).expect("a queue of the topology")).await;
    }

    /// The same for a queue by its URL.
    pub async fn emptied(&self, queue: &str) {
        wait_until(PATIENCE, "the queue to be empty", async || {
            let (visible, hidden) = self.depth(queue).await;
            Ok((visible + hidden == 0).then_some(()))
        })
        .await
        .expect("the queue empties");
    }

    /// Messages of a unit's queue: visible, and in flight or delayed.
    pub async fn queue_depth(&self, unit: &str) -> (u64, u64) {
        let queue = self.topology.queue_url(unit).expect("a queue of the topology").to_owned();
        self.depth(&queue).await
    }

    /// A unit's dead-lettered messages; they stay in the queue. Waits until there are `at_least` of them.
    pub async fn dead_letters(&self, unit: &str, at_least: usize) -> Vec<DeadLettered> {
        let queue = self.topology.dlq_url(unit).expect("a dead-letter queue of the topology").to_owned();
        wait_until(PATIENCE, "the dead-lettered messages to arrive", async || {
            let messages = self.peek(&queue).await;
            Ok((messages.len() >= at_least).then_some(messages))
        })
        .await
        .expect("the dead-lettered messages arrive")
    }

    /// Events that a rule could not deliver, unchanged; they stay in the queue.
    pub async fn undelivered(&self) -> Vec<DeadLettered> {
        let queue = self.topology.undelivered_url().expect("a queue of the topology").to_owned();
        self.peek(&queue).await
    }

    /// Messages of a queue by its URL: visible, and in flight or delayed.
    pub async fn depth(&self, queue: &str) -> (u64, u64) {
        use QueueAttributeName as Name;
        let names = [
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesNotVisible,
            Name::ApproximateNumberOfMessagesDelayed,
        ];
        let call = self.sqs.get_queue_attributes().queue_url(queue).set_attribute_names(Some(names.to_vec()));
        let counts = call.send().await.expect("the queue answers").attributes.unwrap_or_default();
        let count = |name| counts.get(&name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let [visible, in_flight, delayed] = names.map(count);
        (visible, in_flight + delayed)
    }

    pub(super) async fn peek(&self, queue: &str) -> Vec<DeadLettered> {
        let mut found = Vec::new();
        let mut receipts = Vec::new();
        loop {
            let call =
                self.sqs.receive_message().queue_url(queue).max_number_of_messages(10).wait_time_seconds(0);
            // Hidden meanwhile, so that this loop receives each message once.
            let call = call
                .visibility_timeout(30)
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::All);
            let messages = call.send().await.expect("the queue answers").messages.unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            for message in messages {
                let attributes = message.message_attributes.unwrap_or_default();
                let text =
                    attributes.into_iter().filter_map(|(name, value)| Some((name, value.string_value?)));
                found.push(DeadLettered {
                    body: message.body.unwrap_or_default(),
                    attributes: text.collect(),
                });
                receipts.extend(message.receipt_handle);
            }
        }
        // The messages stay: a visibility timeout of zero leaves them for the next call.
        for receipt in receipts {
            let call = self.sqs.change_message_visibility().queue_url(queue).receipt_handle(receipt);
            call.visibility_timeout(0).send().await.expect("the queue answers");
        }
        found
    }
}
