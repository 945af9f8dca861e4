//! Event Streams: CloudEvents that name the user in one field (<https://auth0.com/docs/customize/events/event-types>). A rule
//! reduces the event to IDs, types and times, so every other field may be missing; none of them is read anyway.

use event_contract::{RecordHint, UnreadableEvent};
use provider_http::lenient;
use serde::Deserialize;
use serde_json::Value;

use super::text_or_number::id_in;

#[derive(Deserialize)]
pub(crate) struct StreamEvent {
    #[serde(rename = "type")]
    event_type: String,
    time: Option<Value>,
    data: Option<Value>,
}

pub(crate) fn read(event: StreamEvent) -> Result<Vec<RecordHint>, UnreadableEvent> {
    let (kind, removed) = match event.event_type.as_str() {
        "user.created" => ("user.created", false),
        "user.updated" => ("user.updated", false),
        "user.deleted" => ("user.deleted", true),
        // Types that are not about a user (`organization.*`, `group.*`) name none.
        _ => return Ok(Vec::new()),
    };
    let object = event.data.as_ref().and_then(|data| data.get("object"));
    let field = |name| object.and_then(|object| object.get(name));
    let not_before = if removed {
        lenient::time(field("deleted_at")).or_else(|| lenient::time(event.time.as_ref()))
    } else {
        lenient::time(field("updated_at"))
    };
    let id = id_in(field("user_id")).ok_or(UnreadableEvent::MissingId { kind })?;
    Ok(vec![RecordHint { id, removed, not_before }])
}
