//! `GET /api/v2/events` as a feed of changed users (<https://auth0.com/docs/customize/events/events-best-practices>). The
//! stream never ends: it is read until it is quiet, and the next time from its last offset.

use std::time::Duration;

use provider_http::json::Json;
use provider_http::{ChangedPage, ChangesFrom, ProviderError, StreamedEvent};
use time::format_description::well_known::Rfc3339;

use super::event_stream::read;

pub(crate) const PAGE: usize = 1000;
/// After this time without an event, we have all events.
pub(crate) const QUIET: Duration = Duration::from_secs(2);

const TYPES: [&str; 3] = ["user.created", "user.updated", "user.deleted"];
const TIME: &str = "@";
const END: &str = "connection_timeout";

pub(crate) fn query(from: ChangesFrom<'_>) -> Option<Vec<(&'static str, String)>> {
    let begin = match from {
        ChangesFrom::Time(time) => ("from_timestamp", time.format(&Rfc3339).ok()?),
        ChangesFrom::Cursor(cursor) => match cursor.strip_prefix(TIME) {
            Some(time) => ("from_timestamp", time.to_owned()),
            None => ("from", Some(cursor).filter(|cursor| !cursor.is_empty())?.to_owned()),
        },
    };
    Some(TYPES.into_iter().map(|kind| ("event_type", kind.to_owned())).chain([begin]).collect())
}

pub(crate) fn page(from: ChangesFrom<'_>, events: &[StreamedEvent]) -> Result<ChangedPage, ProviderError> {
    let (mut ids, mut unreadable, mut offset) = (Vec::new(), Vec::new(), None);
    for (place, event) in (1..).zip(events) {
        let frame = serde_json::from_str::<Json>(&event.data).ok();
        if event.kind == "error" {
            // Auth0 ends every stream after some time with this code. It is no failure.
            let code = frame.and_then(|failure| failure.at("code").text().ok().flatten());
            if code.is_some_and(|code| code == END) {
                break;
            }
            // The offset is too old, or the stream failed.
            return Err(ProviderError::Invalid { status: 410 });
        }
        match frame.as_ref().and_then(users) {
            Some(users) => ids.extend(users),
            None => unreadable
                .push(event.id.as_ref().map_or_else(|| format!("event {place}"), |id| format!("event {id}"))),
        }
        offset = event.id.clone().or(offset);
    }
    let begin = || match from {
        ChangesFrom::Cursor(cursor) => cursor.to_owned(),
        // The feed has no offset yet.
        ChangesFrom::Time(time) => format!("{TIME}{}", time.format(&Rfc3339).unwrap_or_default()),
    };
    Ok(ChangedPage { ids, next: offset.unwrap_or_else(begin), more: events.len() >= PAGE, unreadable })
}

/// The users that a frame names. `None`: it cannot be read.
fn users(frame: &Json) -> Option<Vec<String>> {
    match frame.at("event").value().ok()? {
        Some(event) => Some(read(event).ok()?.into_iter().map(|hint| hint.id).collect()),
        // Some have an offset and nothing else, so that the feed moves past events of types that we did not request.
        None => frame.has_any(&["offset"]).then(Vec::new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, id: Option<&str>, data: &str) -> StreamedEvent {
        StreamedEvent { id: id.map(String::from), kind: kind.to_owned(), data: data.to_owned() }
    }

    const ADA: &str =
        r#"{"offset":"o1","event":{"type":"user.updated","data":{"object":{"user_id":"auth0|ada"}}}}"#;

    #[test]
    fn the_next_reading_begins_at_the_last_offset() {
        let events =
            [event("user.updated", Some("o1"), ADA), event("offset-only", Some("o2"), r#"{"offset":"o2"}"#)];
        let read = page(ChangesFrom::Cursor("o0"), &events).unwrap();
        assert_eq!((read.ids, read.next.as_str(), read.more), (vec![String::from("auth0|ada")], "o2", false));
        assert_eq!(page(ChangesFrom::Cursor("o0"), &[]).unwrap().next, "o0");
    }

    #[test]
    fn an_event_that_cannot_be_read_costs_no_other() {
        let events = [
            event("user.updated", Some("o1"), "<html>"),
            event(
                "user.updated",
                None,
                r#"{"offset":"o2","event":{"type":"user.updated","data":{"object":{}}}}"#,
            ),
            event("user.updated", Some("o3"), r#"{"offset":"o3","event":{"type":7}}"#),
            event("user.updated", Some("o4"), ADA),
            event(
                "user.updated",
                Some("o5"),
                r#"{"offset":"o5","event":null,"EVENT":{"type":"user.updated","data":7}}"#,
            ),
            event(
                "user.updated",
                Some("o6"),
                r#"{"event":{"type":"user.updated","type":"group.updated","data":{"object":{"user_id":"auth0|bo"}}}}"#,
            ),
        ];
        let read = page(ChangesFrom::Cursor("o0"), &events).unwrap();
        assert_eq!((read.ids, read.next.as_str()), (vec![String::from("auth0|ada")], "o6"));
        assert_eq!(read.unreadable, ["event o1", "event 2", "event o3", "event o5", "event o6"]);
    }

    #[test]
    fn a_feed_without_an_offset_begins_at_its_time_again() {
        let time = ChangesFrom::Time(time::OffsetDateTime::UNIX_EPOCH);
        let next = page(time, &[]).unwrap().next;
        assert_eq!(query(ChangesFrom::Cursor(&next)), query(time));
        assert_eq!(query(ChangesFrom::Cursor("")), None);
    }

    #[test]
    fn the_end_of_a_connection_is_no_failure_and_an_expired_offset_is_one() {
        let end = event("error", None, r#"{"code":"connection_timeout"}"#);
        assert!(page(ChangesFrom::Cursor("o0"), &[end]).is_ok());
        let expired = event("error", None, r#"{"code":"offset_expired"}"#);
        let failed = page(ChangesFrom::Cursor("o0"), &[expired]);
        assert_eq!(failed, Err(ProviderError::Invalid { status: 410 }));
    }
}
