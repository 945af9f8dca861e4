//! The System Log as a feed of changed users: <https://developer.okta.com/docs/reference/system-log-query/>. If the query has
//! no end, the log is a feed: it always has a next link, from which the next reading continues.

use provider_http::{ChangedPage, ChangesFrom};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::changes;
use super::log_event::LogEvent;

/// Entries on a page: the most that Okta allows.
pub(crate) const PAGE: usize = 1000;

pub(crate) const FILTER: &str = r#"eventType sw "user.lifecycle" or eventType sw "user.account""#;

const PARTS: char = ' ';

/// Okta requires the feed's beginning in every request, and the place from the second page on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) since: String,
    pub(crate) after: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(crate) fn read(from: ChangesFrom<'a>) -> Option<Self> {
        match from {
            ChangesFrom::Time(since) => {
                let since = since.replace_nanosecond(0).unwrap_or(since).to_offset(time::UtcOffset::UTC);
                Some(Self { since: since.format(&Rfc3339).ok()?, after: None })
            }
            ChangesFrom::Cursor(cursor) => {
                let (since, after) = cursor.split_once(PARTS)?;
                OffsetDateTime::parse(since, &Rfc3339).ok()?;
                Some(Self { since: since.to_owned(), after: Some(after).filter(|after| !after.is_empty()) })
            }
        }
    }

    pub(crate) fn page(self, entries: &[LogEvent], next: Option<String>) -> ChangedPage {
        // Read as events are, so that one place decides what changes a user.
        let ids = entries.iter().flat_map(changes::users_of).map(str::to_owned).collect();
        let moved = next.is_some() && next.as_deref() != self.after;
        // Without a link, the place stays.
        let after = next.or_else(|| self.after.map(str::to_owned)).unwrap_or_default();
        ChangedPage { ids, next: format!("{}{PARTS}{after}", self.since), more: moved && !entries.is_empty() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(event_type: &str) -> LogEvent {
        let target = serde_json::json!([{"id": "00u1", "type": "User"}]);
        serde_json::from_value(serde_json::json!({"eventType": event_type, "target": target})).unwrap()
    }

    #[test]
    fn the_feed_continues_from_its_last_place_even_if_a_page_is_empty() {
        let first = Place::read(ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH)).unwrap();
        assert_eq!((first.since.as_str(), first.after), ("1970-01-01T00:00:00Z", None));
        let entries = [entry("user.lifecycle.suspend"), entry("user.session.start")];
        let page = first.page(&entries, Some(String::from("p 2")));
        assert_eq!((page.ids.as_slice(), page.more), (&[String::from("00u1")][..], true));
        let second = Place::read(ChangesFrom::Cursor(&page.next)).unwrap();
        assert_eq!(second.after, Some("p 2"));
        let empty = second.page(&[], Some(String::from("p 2")));
        assert_eq!((empty.next.as_str(), empty.more), (page.next.as_str(), false));
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        assert_eq!(Place::read(ChangesFrom::Cursor("yesterday p2")), None);
        assert_eq!(Place::read(ChangesFrom::Cursor("2")), None);
    }
}
