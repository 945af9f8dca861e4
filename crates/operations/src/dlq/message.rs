//! A dead-lettered message, parsed from its attributes and its body. Calls nothing; must not keep the body.

use std::collections::BTreeMap;

use connectors::SourceEvents;
use event_contract::Envelope;
use serde::Serialize;
use sqs_queue::ReceivedMessage;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use worker_runtime::REDRIVE_MARK;

use super::queues::UNDELIVERED;
use super::record_key::RecordKey;

const RECEIVED_TOO_OFTEN: &str = "received_too_often";
const WITHOUT_CONSUMER: &str = "without_consumer";

/// What a dead-lettered message says by itself.
#[derive(Debug, Clone, Serialize)]
pub struct DeadLettered {
    /// SQS's ID of the message in the DLQ.
    pub message_id: String,
    /// SQS's ID of the message that the unit received: a worker that dead-letters a message sends it with another ID.
    pub original_id: String,
    /// The reason, in one word.
    pub class: String,
    /// More about the reason, without any personal value.
    pub detail: Option<String>,
    /// The version of the worker that dead-lettered it.
    pub worker_version: Option<String>,
    /// Failed attempts by the worker's own count.
    pub attempts: Option<String>,
    /// When the message was first sent.
    #[serde(with = "time::serde::rfc3339")]
    pub first_sent_at: OffsetDateTime,
    /// SQS counts the retention from here.
    #[serde(with = "time::serde::rfc3339")]
    pub kept_since: OffsetDateTime,
    /// It was redriven once, and dead-lettered again.
    pub redriven_before: bool,
    /// The event's source.
    pub event_source: Option<String>,
    /// The event's `detail-type`.
    pub event_type: Option<String>,
    /// The event's ID.
    pub event_id: Option<String>,
    #[serde(skip)]
    pub(super) event_time: Option<OffsetDateTime>,
    /// The records that the event names. `None`: it cannot be parsed.
    pub record: Option<RecordKey>,
}

impl DeadLettered {
    pub(super) fn read(unit: &str, sources: &[SourceEvents], message: &ReceivedMessage) -> Self {
        let attributes = &message.attributes;
        let own = |name: &str| attributes.get(&format!("coppice.{name}")).cloned();
        let envelope = Envelope::parse(&message.body).ok();
        let first_sent_at = own("sent_at").and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok());
        Self {
            message_id: message.message_id.clone(),
            original_id: own("message_id").unwrap_or_else(|| message.message_id.clone()),
            class: own("class").unwrap_or_else(|| reason_without_worker(unit, attributes)),
            detail: own("detail").or_else(|| bus_detail(attributes)),
            worker_version: own("worker_version"),
            attempts: own("attempts"),
            first_sent_at: first_sent_at.unwrap_or(message.sent_at),
            kept_since: message.sent_at,
            redriven_before: attributes.contains_key(REDRIVE_MARK),
            event_source: envelope.as_ref().map(|event| event.source.clone()),
            event_type: envelope.as_ref().map(|event| event.detail_type.clone()),
            event_id: envelope.as_ref().map(|event| event.id.to_string()),
            event_time: envelope.as_ref().map(|event| event.time),
            record: envelope.as_ref().and_then(|event| RecordKey::of(sources, event)),
        }
    }
}

fn reason_without_worker(unit: &str, attributes: &BTreeMap<String, String>) -> String {
    // Without a worker's reason: EventBridge says why
    // (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>), or no unit takes such events, or SQS moved
    // it after too many receives. Then the ledger of failed attempts may have a reason.
    match attributes.get("ERROR_CODE") {
        Some(code) => code.to_lowercase(),
        None if unit == UNDELIVERED => WITHOUT_CONSUMER.to_owned(),
        None => RECEIVED_TOO_OFTEN.to_owned(),
    }
}

fn bus_detail(attributes: &BTreeMap<String, String>) -> Option<String> {
    // EventBridge's error text may quote the event, so it is left out.
    let rule = attributes.get("RULE_ARN")?.rsplit('/').next()?;
    let retries = attributes.get("RETRY_ATTEMPTS").map_or("some", String::as_str);
    Some(format!("rule {rule}, {retries} retries"))
}
