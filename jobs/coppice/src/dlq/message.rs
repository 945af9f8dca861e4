//! A dead letter, read: why it is dead, and what it is about.

use std::collections::BTreeMap;

use event_contract::Envelope;
use serde::Serialize;
use sqs_queue::ReceivedMessage;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use worker_runtime::REDRIVE_MARK;

use super::fleet::UNDELIVERED;
use super::record_key::RecordKey;

/// SQS moved it: its worker never said why. The ledger of failed attempts may know.
const RECEIVED_TOO_OFTEN: &str = "received_too_often";
/// The bus delivered it to `undelivered` because no unit takes such events.
const WITHOUT_CONSUMER: &str = "without_consumer";

/// What is known of a letter without asking anybody.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DeadLettered {
    /// SQS's ID of the letter.
    pub(crate) message_id: String,
    /// SQS's ID of the message that died.
    pub(crate) original_id: String,
    /// A word for the reason.
    pub(crate) class: String,
    pub(crate) detail: Option<String>,
    pub(crate) worker_version: Option<String>,
    /// Failed attempts by the worker's own count.
    pub(crate) attempts: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) first_sent_at: OffsetDateTime,
    /// SQS counts its retention from here.
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) kept_since: OffsetDateTime,
    /// It was redriven before, and died again.
    pub(crate) redriven_before: bool,
    pub(crate) event_source: Option<String>,
    pub(crate) event_type: Option<String>,
    pub(crate) event_id: Option<String>,
    #[serde(skip)]
    pub(crate) event_time: Option<OffsetDateTime>,
    pub(crate) record: Option<RecordKey>,
}

impl DeadLettered {
    /// Reads a letter of `unit`.
    pub(crate) fn read(unit: &str, message: &ReceivedMessage) -> Self {
        let attributes = &message.attributes;
        let own = |name: &str| attributes.get(&format!("coppice.{name}")).cloned();
        let envelope = Envelope::parse(&message.body).ok();
        let first_sent_at = own("sent_at").and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok());
        Self {
            message_id: message.message_id.clone(),
            original_id: own("message_id").unwrap_or_else(|| message.message_id.clone()),
            class: own("class").unwrap_or_else(|| unsaid(unit, attributes)),
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
            record: envelope.as_ref().and_then(RecordKey::of),
        }
    }
}

/// The reason of a letter that no worker wrote: what EventBridge says
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>), or that SQS moved it.
fn unsaid(unit: &str, attributes: &BTreeMap<String, String>) -> String {
    match attributes.get("ERROR_CODE") {
        Some(code) => code.to_lowercase(),
        None if unit == UNDELIVERED => WITHOUT_CONSUMER.to_owned(),
        None => RECEIVED_TOO_OFTEN.to_owned(),
    }
}

/// Which rule could not deliver it, and how often EventBridge tried. Its error text may quote the event.
fn bus_detail(attributes: &BTreeMap<String, String>) -> Option<String> {
    let rule = attributes.get("RULE_ARN")?.rsplit('/').next()?;
    let retries = attributes.get("RETRY_ATTEMPTS").map_or("some", String::as_str);
    Some(format!("rule {rule}, {retries} retries"))
}
