//! EventBridge's JSON protocol: `PutEvents`, and whether a bus exists.
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>

use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;
use uuid::Uuid;

use super::{ACCOUNT, AwsState, FastAws, PublishedEvent, Refusal};

const ENTRY_LIMIT: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    source: Option<String>,
    detail_type: Option<String>,
    detail: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeEventBus {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EntryResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
}

pub(super) fn answer(stub: &FastAws, operation: &str, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    match operation {
        "PutEvents" => put_events(stub, serde_json::from_slice(body)?),
        "DescribeEventBus" => describe_event_bus(stub, &serde_json::from_slice(body)?),
        _ => Err(super::unknown(operation)),
    }
}

fn put_events(stub: &FastAws, request: PutEvents) -> Result<Vec<u8>, Refusal> {
    if request.entries.is_empty() || request.entries.len() > ENTRY_LIMIT {
        return Err(Refusal::new("ValidationException", "entries: 1 to 10"));
    }
    let mut state = stub.lock();
    let mut results = Vec::with_capacity(request.entries.len());
    // An entry without a source, a type or an object of JSON fails alone. A bus that does not exist is no failure, as on AWS.
    for entry in request.entries {
        let event = match (entry.source, entry.detail_type, entry.detail) {
            (Some(source), Some(detail_type), Some(detail)) => PublishedEvent { source, detail_type, detail },
            _ => {
                results.push(EntryResult { event_id: None, error_code: Some("InvalidArgument") });
                continue;
            }
        };
        if !serde_json::from_str::<serde_json::Value>(&event.detail).is_ok_and(|detail| detail.is_object()) {
            results.push(EntryResult { event_id: None, error_code: Some("MalformedDetail") });
            continue;
        }
        let id = Uuid::new_v4();
        state.deliver_to_tap(id, &event);
        state.events.push(event);
        results.push(EntryResult { event_id: Some(id), error_code: None });
    }
    let failed = results.iter().filter(|result| result.error_code.is_some()).count();
    super::json(&json!({ "FailedEntryCount": failed, "Entries": results }))
}

impl AwsState {
    fn deliver_to_tap(&mut self, id: Uuid, event: &PublishedEvent) {
        let tapped = self.tap.as_ref().filter(|(source, _)| *source == event.source);
        let Some(queue) = tapped.map(|(_, name)| name.clone()).and_then(|name| self.queues.get_mut(&name))
        else {
            return;
        };
        let detail: serde_json::Value = serde_json::from_str(&event.detail).unwrap_or_default();
        let time = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        // <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>
        let envelope = json!({ "version": "0", "id": id, "detail-type": event.detail_type, "source": event.source,
            "account": ACCOUNT, "time": time, "region": "us-east-1", "resources": [], "detail": detail });
        drop(queue.send(envelope.to_string(), None, Instant::now()));
    }
}

fn describe_event_bus(stub: &FastAws, request: &DescribeEventBus) -> Result<Vec<u8>, Refusal> {
    let name = &request.name;
    if !stub.lock().buses.contains(name) {
        return Err(Refusal::new("ResourceNotFoundException", format!("Event bus {name} does not exist.")));
    }
    let arn = format!("arn:aws:events:us-east-1:{ACCOUNT}:event-bus/{name}");
    super::json(&json!({ "Name": name, "Arn": arn }))
}
