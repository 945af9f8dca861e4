//! Event Streams: CloudEvents that name the user plainly.
//!
//! Types and fields: <https://auth0.com/docs/customize/events/event-types>. A rule may have reduced the event to IDs,
//! types and times, so every other field may be absent; none of them is read anyway. What other types hold is not looked at.

use serde::Deserialize;
use serde_json::Value;

use super::text_or_number::id_in;
use crate::detail::lenient_time;
use crate::{UnreadableEvent, UserChange, UserHint};

/// The parts of the event that are looked at.
#[derive(Deserialize)]
pub(crate) struct StreamEvent {
    #[serde(rename = "type")]
    event_type: String,
    time: Option<Value>,
    data: Option<Value>,
}

/// The user that the event names. Types that are not about a user (`organization.*`, `group.*`) name none.
pub(crate) fn read(event: StreamEvent) -> Result<Vec<UserHint>, UnreadableEvent> {
    let (kind, change) = match event.event_type.as_str() {
        "user.created" => ("user.created", UserChange::Present),
        "user.updated" => ("user.updated", UserChange::Present),
        "user.deleted" => ("user.deleted", UserChange::Deleted),
        _ => return Ok(Vec::new()),
    };
    let object = event.data.as_ref().and_then(|data| data.get("object"));
    let field = |name| object.and_then(|object| object.get(name));
    let not_before = match change {
        UserChange::Present => lenient_time(field("updated_at")),
        UserChange::Deleted => {
            lenient_time(field("deleted_at")).or_else(|| lenient_time(event.time.as_ref()))
        }
    };
    let id = id_in(field("user_id")).ok_or(UnreadableEvent::MissingId { kind })?;
    Ok(vec![UserHint { id, change, not_before }])
}
