//! The stream of events as a feed of changed users: `GET /api/v2/events`,
//! <https://auth0.com/docs/customize/events/events-best-practices>.
//!
//! The stream never ends. It is read until it is quiet, and the next time from its last offset. Each event has an offset.
//! Some have nothing else, so that the feed moves past events of types that we did not request.

use std::time::Duration;

use provider_http::{ChangedPage, ChangesFrom, ProviderError, StreamedEvent};
use serde::Deserialize;
use time::format_description::well_known::Rfc3339;

use super::event_stream::{StreamEvent, read};

/// Most events of a page.
pub(crate) const PAGE: usize = 1000;
/// After this time without an event, we have all events.
pub(crate) const QUIET: Duration = Duration::from_secs(2);

const TYPES: [&str; 3] = ["user.created", "user.updated", "user.deleted"];
/// Begins a cursor that is a time, while the feed has no offset yet.
const TIME: &str = "@";
/// Auth0 ends every stream after some time with this code. It is no failure.
const END: &str = "connection_timeout";

#[derive(Deserialize)]
struct Frame {
    event: Option<StreamEvent>,
}

#[derive(Deserialize)]
struct Failure {
    code: Option<String>,
}

/// The query. `None`: the cursor is not ours.
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

/// The page of these events.
///
/// # Errors
/// [`ProviderError::Invalid`] with status 410 when the offset is too old, or the stream failed; `Malformed` when an event
/// should name a user and does not.
pub(crate) fn page(from: ChangesFrom<'_>, events: &[StreamedEvent]) -> Result<ChangedPage, ProviderError> {
    let (mut ids, mut offset) = (Vec::new(), None);
    for event in events {
        if event.kind == "error" {
            let failure: Failure = parsed(&event.data)?;
            match failure.code.as_deref() {
                Some(END) => break,
                _ => return Err(ProviderError::Invalid { status: 410 }),
            }
        }
        if let Some(event) = parsed::<Frame>(&event.data)?.event {
            let hints = read(event).map_err(|_| ProviderError::Malformed { line: 0, column: 0 })?;
            ids.extend(hints.into_iter().map(|hint| hint.id));
        }
        offset = event.id.clone().or(offset);
    }
    let begin = || match from {
        ChangesFrom::Cursor(cursor) => cursor.to_owned(),
        ChangesFrom::Time(time) => format!("{TIME}{}", time.format(&Rfc3339).unwrap_or_default()),
    };
    Ok(ChangedPage { ids, next: offset.unwrap_or_else(begin), more: events.len() >= PAGE })
}

fn parsed<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, ProviderError> {
    serde_json::from_str(data)
        .map_err(|error| ProviderError::Malformed { line: error.line(), column: error.column() })
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
