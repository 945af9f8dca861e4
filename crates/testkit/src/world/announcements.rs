//! Reads every internal event, from a queue of the test's own.

use std::time::Duration;

use anyhow::Context;
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use event_contract::{Announcement, Envelope, EventKind, INTERNAL_SOURCE};
use local_stack::wait_until;

use super::{PATIENCE, World};
use crate::FastAws;

impl World {
    /// Takes the announcements that have arrived since the last call, and deletes them from the queue.
    ///
    /// # Errors
    /// When the emulator does not answer, or a message is no announcement.
    pub async fn take_announcements(&self) -> anyhow::Result<Vec<(EventKind, Announcement)>> {
        let mut taken = Vec::new();
        loop {
            let call = self.sqs.receive_message().queue_url(&self.tap_url).max_number_of_messages(10);
            let messages = call.wait_time_seconds(0).send().await?.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(taken);
            }
            for message in messages {
                let envelope = Envelope::parse(&message.body.unwrap_or_default())?;
                taken.push(Announcement::parse(&envelope)?);
                let receipt = message.receipt_handle.unwrap_or_default();
                self.sqs.delete_message().queue_url(&self.tap_url).receipt_handle(receipt).send().await?;
            }
        }
    }

    /// Every announcement so far, in order of arrival, as soon as there are `at_least` of them and the outbox is empty.
    pub async fn announcements(&self, at_least: usize) -> Vec<(EventKind, Announcement)> {
        let mut arrived = Vec::new();
        let collected = wait_until(PATIENCE, "the announcements to arrive", async || {
            Ok((self.tapped().await.len() >= at_least).then_some(()))
        });
        collected.await.expect("the announcements arrive");
        // With an empty outbox, a surplus announcement has arrived too.
        wait_until(PATIENCE, "the outbox to be empty", async || {
            let waiting: i64 =
                sqlx::query_scalar("select count(*) from outbox").fetch_one(&self.pool).await?;
            Ok((waiting == 0).then_some(()))
        })
        .await
        .expect("the outbox empties");
        for body in self.tapped().await {
            let envelope = Envelope::parse(&body).expect("an event");
            arrived.push(Announcement::parse(&envelope).expect("an announcement"));
        }
        arrived
    }

    async fn tapped(&self) -> Vec<String> {
        self.peek(&self.tap_url).await.into_iter().map(|message| message.body).collect()
    }
}

pub(super) fn tap_in_process(aws: &FastAws) -> String {
    // Nothing fails often enough to reach its dead-letter queue.
    let (queue, _) = aws.create_queue("tap", Duration::from_secs(30), u32::MAX);
    aws.tap(INTERNAL_SOURCE, "tap");
    queue
}

/// A queue that gets a copy of every internal event.
pub(super) async fn tap(
    sqs: &aws_sdk_sqs::Client,
    events: &aws_sdk_eventbridge::Client,
    bus: &str,
) -> anyhow::Result<String> {
    let queue = sqs.create_queue().queue_name("tap").send().await?.queue_url.context("a queue has a URL")?;
    let call = sqs.get_queue_attributes().queue_url(&queue).attribute_names(QueueAttributeName::QueueArn);
    let arn = call.send().await?.attributes.unwrap_or_default().remove(&QueueAttributeName::QueueArn);
    let rule = events.put_rule().event_bus_name(bus).name("tap").event_pattern(r#"{"source":["coppice"]}"#);
    rule.send().await?;
    let target = Target::builder().id("tap").arn(arn.context("a queue has an ARN")?).build()?;
    events.put_targets().event_bus_name(bus).rule("tap").targets(target).send().await?;
    Ok(queue)
}
