//! Puts events on the bus, and messages directly into queues.

use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutPartnerEventsRequestEntry};
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};

use super::World;
use simulators::NativeEvent;

impl World {
    /// Sends a provider's event to its partner event source, as the provider does.
    pub async fn deliver(&self, event: &NativeEvent) {
        self.assert_rules();
        let entry = PutPartnerEventsRequestEntry::builder()
            .source(&event.source)
            .detail_type(&event.detail_type)
            .detail(&event.detail)
            .build();
        let reply = self
            .events
            .put_partner_events()
            .entries(entry)
            .send()
            .await
            .expect("the partner source takes it");
        assert_eq!(reply.failed_entry_count(), 0);
    }

    /// Publishes an event on the bus as `webhook-ingress` would.
    pub async fn publish(&self, source: &str, detail_type: &str, detail: &str) {
        self.assert_rules();
        let bus = &self.topology.bus;
        let entry = PutEventsRequestEntry::builder().event_bus_name(bus).source(source);
        let entry = entry.detail_type(detail_type).detail(detail).build();
        let reply = self.events.put_events().entries(entry).send().await.expect("the bus takes it");
        assert_eq!(reply.failed_entry_count(), 0);
    }

    /// Switches a rule of the bus on or off, as an operator may in the console.
    pub async fn switch_rule(&self, rule: &str, on: bool) {
        self.assert_rules();
        let bus = &self.topology.bus;
        if on {
            self.events
                .enable_rule()
                .event_bus_name(bus)
                .name(rule)
                .send()
                .await
                .expect("the bus has the rule");
        } else {
            self.events
                .disable_rule()
                .event_bus_name(bus)
                .name(rule)
                .send()
                .await
                .expect("the bus has the rule");
        }
    }

    /// Sends a body to a unit's queue, past the bus.
    pub async fn enqueue(&self, unit: &str, body: &str) {
        let queue = self.topology.queue_url(unit).expect("a queue of the topology");
        self.sqs.send_message().queue_url(queue).message_body(body).send().await.expect("the queue takes it");
    }

    /// Sends many bodies to a unit's queue, past the bus, ten in a call.
    ///
    /// # Errors
    /// When the emulator does not take them.
    pub async fn enqueue_all(&self, unit: &str, bodies: &[String]) -> anyhow::Result<()> {
        self.send_all(self.topology.queue_url(unit)?, bodies).await
    }

    /// Sends many bodies to a unit's dead-letter queue without a reason, as SQS moves messages.
    ///
    /// # Errors
    /// When the emulator does not take them.
    pub async fn dead_letter_all(&self, unit: &str, bodies: &[String]) -> anyhow::Result<()> {
        self.send_all(self.topology.dlq_url(unit)?, bodies).await
    }

    /// Sends an event to the queue `undelivered`, with the attributes that EventBridge adds.
    pub async fn leave_undelivered(&self, body: &str, attributes: &[(&str, &str)]) {
        let queue = self.topology.undelivered_url().expect("a queue of the topology");
        let mut call = self.sqs.send_message().queue_url(queue).message_body(body);
        for (name, value) in attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(*value);
            call = call.message_attributes(*name, value.build().expect("a text"));
        }
        call.send().await.expect("the queue takes it");
    }

    /// Sends many bodies to a queue by its URL, ten in a call.
    ///
    /// # Errors
    /// When the emulator does not take them.
    pub async fn send_all(&self, queue: &str, bodies: &[String]) -> anyhow::Result<()> {
        for batch in bodies.chunks(10) {
            let mut call = self.sqs.send_message_batch().queue_url(queue);
            for (position, body) in batch.iter().enumerate() {
                let entry =
                    SendMessageBatchRequestEntry::builder().id(position.to_string()).message_body(body);
                call = call.entries(entry.build()?);
            }
            call.send().await?;
        }
        Ok(())
    }

    fn assert_rules(&self) {
        // Without rules, the event would reach no queue, and the test would wait until its limit.
        assert!(self.has_rules(), "this test is about rules: start it with World::start_with_emulator()");
    }
}
