//! `GET /api/v2/events` as a feed of changed users (<https://auth0.com/docs/customize/events/events-best-practices>). The
//! stream never ends: it is read until it is quiet, and the next time from its last offset.

use std::time::Duration;

use provider_http::{ChangedPage, ChangesFrom, ProviderError, StreamedEvent};
use serde::Deserialize;
use time::format_description::well_known::Rfc3339;

use super::event_stream::{StreamEvent, read};

pub(crate) const PAGE: usize = 1000;
/// After this time without an event, we have all events.
pub(crate) const QUIET: Duration = Duration::from_secs(2);

const TYPES: [&str; 3] = ["user.created", "user.updated", "user.deleted"];
const TIME: &str = "@";
const END: &str = "connection_timeout";

#[derive(Deserialize)]
struct Frame {
    event: Option<StreamEvent>,
}

#[derive(Deserialize)]
struct Failure {
    code: Option<String>,
}

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
    let (mut ids, mut offset) = (Vec::new(), None);
    for event in events {
        if event.kind == "error" {
            let failure: Failure = parsed(&event.data)?;
            match failure.code.as_deref() {
                // Auth0 ends every stream after some time with this code. It is no failure.
                Some(END) => break,
                // The offset is too old, or the stream failed.
                _ => return Err(ProviderError::Invalid { status: 410 }),
            }
        }
        // Some have an offset and nothing else, so that the feed moves past events of types that we did not request.
        if let Some(event) = parsed::<Frame>(&event.data)?.event {
            let hints = read(event).map_err(|_| ProviderError::WHOLE_REPLY_MALFORMED)?;
            ids.extend(hints.into_iter().map(|hint| hint.id));
        }
        offset = event.id.clone().or(offset);
    }
    let begin = || match from {
        ChangesFrom::Cursor(cursor) => cursor.to_owned(),
        // The feed has no offset yet.
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
