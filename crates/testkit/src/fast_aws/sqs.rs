//! SQS's JSON protocol: the calls of a consumer, and sending.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html>

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::queue::{Queue, Receipt, Received};
use super::{ACCOUNT, FastAws, Refusal};

const BATCH_LIMIT: usize = 10;
const PAYLOAD_LIMIT: usize = 1_048_576;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueueName {
    queue_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListQueues {
    #[serde(default)]
    queue_name_prefix: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetQueueAttributes {
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveMessage {
    queue_url: String,
    max_number_of_messages: Option<usize>,
    wait_time_seconds: Option<u64>,
    visibility_timeout: Option<u64>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    /// The older name of the same.
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    queue_url: String,
    entries: Vec<BatchEntry>,
}

/// An entry of any batch: each operation reads its own fields.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchEntry {
    id: String,
    #[serde(flatten)]
    fields: EntryFields,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Single {
    queue_url: String,
    #[serde(flatten)]
    fields: EntryFields,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntryFields {
    #[serde(default)]
    receipt_handle: String,
    #[serde(default)]
    visibility_timeout: u64,
    #[serde(default)]
    message_body: String,
    message_attributes: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReceivedMessage<'a> {
    message_id: &'a str,
    receipt_handle: String,
    #[serde(rename = "MD5OfBody")]
    md5_of_body: &'a str,
    body: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_attributes: Option<&'a Value>,
}

pub(super) async fn answer(stub: &FastAws, operation: &str, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    match operation {
        "ReceiveMessage" => receive(stub, serde_json::from_slice(body)?).await,
        "GetQueueUrl" => {
            let QueueName { queue_name } = serde_json::from_slice(body)?;
            stub.lock().queue(&queue_name)?;
            super::json(&json!({ "QueueUrl": stub.url(&queue_name) }))
        }
        "ListQueues" => {
            let ListQueues { queue_name_prefix } = serde_json::from_slice(body)?;
            let state = stub.lock();
            let named = state.queues.keys().filter(|name| name.starts_with(&queue_name_prefix));
            let urls: Vec<String> = named.map(|name| stub.url(name)).collect();
            super::json(&json!({ "QueueUrls": urls }))
        }
        "GetQueueAttributes" => attributes(stub, &serde_json::from_slice(body)?),
        "DeleteMessageBatch" | "ChangeMessageVisibilityBatch" | "SendMessageBatch" => {
            batch(stub, operation, serde_json::from_slice(body)?)
        }
        "DeleteMessage" | "ChangeMessageVisibility" | "SendMessage" => {
            single(stub, operation, serde_json::from_slice(body)?)
        }
        _ => Err(super::unknown(operation)),
    }
}

async fn receive(stub: &FastAws, request: ReceiveMessage) -> Result<Vec<u8>, Refusal> {
    let wait = Duration::from_secs(request.wait_time_seconds.unwrap_or(0));
    let over_at = Instant::now() + wait;
    let (_, arrivals) = stub.lock().queue(&request.queue_url)?;
    loop {
        // Registered before the receive, so that no message in between is missed.
        let arrival = arrivals.notified();
        tokio::pin!(arrival);
        arrival.as_mut().enable();
        let now = Instant::now();
        let (reply, next_look) = look(stub, &request, now)?;
        // Like SQS, does not wait for a full batch.
        match reply {
            Some(reply) => return Ok(reply),
            None if now >= over_at => return super::json(&json!({})),
            None => {}
        }
        tokio::select! {
            () = arrival => {}
            () = tokio::time::sleep_until(next_look.map_or(over_at, |at| at.min(over_at))) => {}
        }
    }
}

/// The reply, if there is a message; otherwise the time of the next try.
fn look(
    stub: &FastAws,
    request: &ReceiveMessage,
    now: Instant,
) -> Result<(Option<Vec<u8>>, Option<Instant>), Refusal> {
    let max = request.max_number_of_messages.unwrap_or(1);
    if !(1..=BATCH_LIMIT).contains(&max) {
        return Err(Refusal::new("InvalidParameterValue", "MaxNumberOfMessages: 1 to 10"));
    }
    let mut state = stub.lock();
    let (queue, _) = state.queue(&request.queue_url)?;
    let visibility = request.visibility_timeout.map_or(queue.visibility, Duration::from_secs);
    let (received, dead) = queue.receive(max, visibility, now);
    let messages: Vec<_> = received.iter().map(|received| as_received(received, request)).collect();
    let reply = match messages.is_empty() {
        true => None,
        false => Some(super::json(&json!({ "Messages": messages }))?),
    };
    let next_return = queue.next_return();
    let dead_letters = queue.redrive.as_ref().map(|(name, _)| name.clone());
    if let Some(queue) = dead_letters.and_then(|name| state.queues.get_mut(&name)) {
        dead.into_iter().for_each(|message| queue.admit(message));
    }
    Ok((reply, next_return))
}

fn as_received<'a>(received: &'a Received<'a>, request: &ReceiveMessage) -> ReceivedMessage<'a> {
    let message = received.message;
    let asked = |name: &str| {
        let mut names = request.message_system_attribute_names.iter().chain(&request.attribute_names);
        names.any(|asked| asked == name || asked == "All")
    };
    let known = [
        ("ApproximateReceiveCount", message.receive_count.to_string()),
        ("SentTimestamp", message.sent_at_millis.to_string()),
    ];
    ReceivedMessage {
        message_id: &message.id,
        receipt_handle: received.receipt.clone(),
        md5_of_body: &message.body_md5,
        body: &message.body,
        attributes: known.into_iter().filter(|(name, _)| asked(name)).collect(),
        message_attributes: message
            .attributes
            .as_ref()
            .filter(|_| !request.message_attribute_names.is_empty()),
    }
}

fn attributes(stub: &FastAws, request: &GetQueueAttributes) -> Result<Vec<u8>, Refusal> {
    let mut state = stub.lock();
    let (queue, _) = state.queue(&request.queue_url)?;
    let (visible, in_flight) = queue.depth(Instant::now());
    let mut all = BTreeMap::from([
        ("ApproximateNumberOfMessages", visible.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", in_flight.to_string()),
        ("ApproximateNumberOfMessagesDelayed", "0".to_owned()),
        ("VisibilityTimeout", queue.visibility.as_secs().to_string()),
        ("QueueArn", arn(&queue.name)),
        // Nothing expires here; AWS's longest.
        ("MessageRetentionPeriod", "1209600".to_owned()),
    ]);
    if let Some((dead_letters, limit)) = &queue.redrive {
        let policy = json!({ "deadLetterTargetArn": arn(dead_letters), "maxReceiveCount": limit });
        all.insert("RedrivePolicy", policy.to_string());
    }
    all.retain(|name, _| request.attribute_names.iter().any(|asked| asked == name || asked == "All"));
    super::json(&json!({ "Attributes": all }))
}

fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}")
}

fn batch(stub: &FastAws, operation: &str, request: Batch) -> Result<Vec<u8>, Refusal> {
    match request.entries.len() {
        0 => return Err(Refusal::new("com.amazonaws.sqs#EmptyBatchRequest", "no entries")),
        1..=BATCH_LIMIT => {}
        _ => {
            let code = "com.amazonaws.sqs#TooManyEntriesInBatchRequest";
            return Err(Refusal::new(code, "more than 10 entries"));
        }
    }
    let payload: usize = request.entries.iter().map(|entry| entry.fields.message_body.len()).sum();
    if payload > PAYLOAD_LIMIT {
        return Err(Refusal::new("com.amazonaws.sqs#BatchRequestTooLong", "more than 1 MiB"));
    }
    let mut state = stub.lock();
    let (queue, _) = state.queue(&request.queue_url)?;
    let now = Instant::now();
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for BatchEntry { id, fields } in request.entries {
        match apply(queue, operation, fields, now) {
            Ok(mut reply) => {
                reply["Id"] = id.into();
                successful.push(reply);
            }
            Err(Refusal { code, message }) => {
                failed.push(json!({ "Id": id, "Code": code, "Message": message, "SenderFault": true }));
            }
        }
    }
    super::json(&json!({ "Successful": successful, "Failed": failed }))
}

fn single(stub: &FastAws, operation: &str, request: Single) -> Result<Vec<u8>, Refusal> {
    let mut state = stub.lock();
    let (queue, _) = state.queue(&request.queue_url)?;
    super::json(&apply(queue, operation, request.fields, Instant::now())?)
}

fn apply(queue: &mut Queue, operation: &str, fields: EntryFields, now: Instant) -> Result<Value, Refusal> {
    // The name may say that the message is one of a batch.
    let done = match operation.trim_end_matches("Batch") {
        "DeleteMessage" => queue.delete(&fields.receipt_handle, now),
        "ChangeMessageVisibility" => {
            let hidden_for = Duration::from_secs(fields.visibility_timeout);
            queue.change_visibility(&fields.receipt_handle, hidden_for, now)
        }
        _ => return send(queue, fields, now),
    };
    match done {
        Receipt::Accepted => Ok(json!({})),
        Receipt::Invalid => Err(Refusal::new("ReceiptHandleIsInvalid", "The receipt handle is not valid.")),
        Receipt::Lost => Err(Refusal::new(
            "InvalidParameterValue",
            "Message does not exist or is not available for visibility timeout change.",
        )),
    }
}

fn send(queue: &mut Queue, fields: EntryFields, now: Instant) -> Result<Value, Refusal> {
    if fields.message_body.is_empty() {
        return Err(Refusal::new("MissingParameter", "The request must contain the parameter MessageBody."));
    }
    if !fields.message_body.chars().all(is_of_xml) {
        return Err(Refusal::new("InvalidMessageContents", "Invalid characters found."));
    }
    let (id, md5) = queue.send(fields.message_body, fields.message_attributes, now);
    Ok(json!({ "MessageId": id, "MD5OfMessageBody": md5 }))
}

/// The characters that SQS takes. <https://www.w3.org/TR/REC-xml/#charsets>
fn is_of_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
