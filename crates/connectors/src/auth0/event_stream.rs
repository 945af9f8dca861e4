//! Event Streams: CloudEvents that name the user in one field (<https://auth0.com/docs/customize/events/event-types>). A rule
//! reduces the event to IDs, types and times, so every other field may be missing; none of them is read anyway.

use event_contract::{RecordHint, UnreadableEvent};
use provider_http::json::{Field, Json};

pub(crate) fn read(event: &Json) -> Result<Vec<RecordHint>, UnreadableEvent> {
    let event_type = event.at("type").text().ok().flatten();
    let event_type = event_type.ok_or(UnreadableEvent::Shape { line: 0, column: 0 })?;
    let (kind, removed) = match event_type.as_str() {
        "user.created" => ("user.created", false),
        "user.updated" => ("user.updated", false),
        "user.deleted" => ("user.deleted", true),
        // Types that are not about a user (`organization.*`, `group.*`) name none.
        _ => return Ok(Vec::new()),
    };
    let object = event.at("data").at("object");
    let time = |field: Field<'_>| field.time().ok().flatten();
    let not_before = if removed {
        time(object.at("deleted_at")).or_else(|| time(event.at("time")))
    } else {
        time(object.at("updated_at"))
    };
    let id = object.at("user_id").id().ok().flatten().ok_or(UnreadableEvent::MissingId { kind })?;
    Ok(vec![RecordHint { id, removed, not_before }])
}
