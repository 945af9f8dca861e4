//! A message of the SDK, and a message of ours.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};
use time::OffsetDateTime;

use super::failure;
use crate::{Operation, QueueError, Receipt, ReceivedMessage};

pub(super) fn received(message: Message) -> Result<ReceivedMessage, QueueError> {
    // SQS sends every field that was asked for. A reply without one is not understood, and is not guessed at.
    complete(message).ok_or_else(|| failure::malformed(Operation::Receive))
}

fn complete(message: Message) -> Option<ReceivedMessage> {
    let system = message.attributes?;
    Some(ReceivedMessage {
        message_id: message.message_id?,
        receipt: Receipt(message.receipt_handle?),
        body: message.body?,
        receive_count: system.get(&MessageSystemAttributeName::ApproximateReceiveCount)?.parse().ok()?,
        sent_at: from_millis(system.get(&MessageSystemAttributeName::SentTimestamp)?)?,
        attributes: message.message_attributes.map(text_attributes).unwrap_or_default(),
    })
}

fn from_millis(text: &str) -> Option<OffsetDateTime> {
    let millis: i128 = text.parse().ok()?;
    OffsetDateTime::from_unix_timestamp_nanos(millis.checked_mul(1_000_000)?).ok()
}

fn text_attributes(attributes: HashMap<String, MessageAttributeValue>) -> BTreeMap<String, String> {
    // Binary attributes, which nothing of ours sends, are dropped.
    attributes.into_iter().filter_map(|(name, value)| Some((name, value.string_value?))).collect()
}

pub(super) fn outgoing_attributes(
    attributes: &BTreeMap<String, String>,
) -> Result<Option<HashMap<String, MessageAttributeValue>>, BuildError> {
    // SQS refuses an empty map.
    if attributes.is_empty() {
        return Ok(None);
    }
    let text =
        |value: &String| MessageAttributeValue::builder().data_type("String").string_value(value).build();
    attributes
        .iter()
        .map(|(name, value)| Ok((name.clone(), text(value)?)))
        .collect::<Result<_, _>>()
        .map(Some)
}
