//! The System Log as a feed of changed users: <https://developer.okta.com/docs/reference/system-log-query/>. If the query has
//! no end, the log is a feed: it always has a next link, from which the next reading continues.

use provider_http::{ChangedPage, ChangesFrom, Page};
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

    pub(crate) fn page(self, page: Page<LogEvent>) -> ChangedPage {
        let (mut ids, mut unreadable, mut latest) = (Vec::new(), Vec::new(), None);
        for (place, entry) in (1..).zip(&page.items) {
            // Read as events are, so that one place decides what changes a user.
            let users = changes::users_of(entry);
            if users.iter().any(Result::is_err) {
                let uuid = entry.uuid().ok().flatten();
                unreadable.push(uuid.map_or_else(|| format!("entry {place}"), |id| format!("entry {id}")));
            }
            ids.extend(users.into_iter().flatten());
            latest = latest.max(entry.published().ok().flatten());
        }
        if page.too_large.is_some() {
            unreadable.push(String::from("the only entry, which is too large,"));
        }
        let empty = page.items.is_empty() && page.too_large.is_none();
        let full = page.items.len() >= page.asked;
        let (since, after, more) = match page.next {
            Some(next) => {
                let moved = Some(next.as_str()) != self.after;
                (self.since, next, moved && !empty)
            }
            // Without a link, only a time leads on. Entries of that time come again.
            None => {
                let latest =
                    latest.and_then(|at| at.format(&Rfc3339).ok()).filter(|latest| *latest > self.since);
                match latest {
                    Some(latest) => (latest, String::new(), full),
                    None => (self.since, self.after.map(str::to_owned).unwrap_or_default(), false),
                }
            }
        };
        ChangedPage { ids, next: format!("{since}{PARTS}{after}"), more, unreadable }
    }
}

#[cfg(test)]
mod tests {
    use provider_http::ProviderError;
    use serde_json::{Value, json};

    use super::*;

    fn entry(event_type: &str) -> Value {
        let published = "2026-11-29T15:10:42.118Z";
        json!({"eventType": event_type, "published": published, "target": [{"id": "00u1", "type": "User"}]})
    }

    fn page(items: &[Value], next: Option<&str>) -> Page<LogEvent> {
        let items = items.iter().map(|entry| serde_json::from_value(entry.clone()).unwrap()).collect();
        Page { items, next: next.map(str::to_owned), asked: 2, too_large: None }
    }

    #[test]
    fn the_feed_continues_from_its_last_place_even_if_a_page_is_empty() {
        let first = Place::read(ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH)).unwrap();
        assert_eq!((first.since.as_str(), first.after), ("1970-01-01T00:00:00Z", None));
        let entries = [entry("user.lifecycle.suspend"), entry("user.session.start")];
        let read = first.page(page(&entries, Some("p 2")));
        assert_eq!((read.ids.as_slice(), read.more), (&[String::from("00u1")][..], true));
        let second = Place::read(ChangesFrom::Cursor(&read.next)).unwrap();
        assert_eq!(second.after, Some("p 2"));
        let empty = second.page(page(&[], Some("p 2")));
        assert_eq!((empty.next.as_str(), empty.more), (read.next.as_str(), false));
    }

    #[test]
    fn a_page_without_a_link_is_followed_by_its_last_time() {
        let first = Place::read(ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH)).unwrap();
        let entries = [entry("user.lifecycle.suspend"), entry("user.lifecycle.suspend")];
        let read = first.page(page(&entries, None));
        assert_eq!((read.ids.len(), read.more), (2, true));
        let second = Place::read(ChangesFrom::Cursor(&read.next)).unwrap();
        assert_eq!((second.since.as_str(), second.after), ("2026-11-29T15:10:42.118Z", None));
        assert!(!second.page(page(&entries, None)).more, "nothing is later");
    }

    #[test]
    fn an_entry_that_cannot_be_read_costs_no_other() {
        let first = Place::read(ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH)).unwrap();
        let entries = [
            json!({"eventType": 7}),
            json!("text"),
            json!({"eventType": "user.lifecycle.suspend", "uuid": "5c7e", "target": [{"id": 7, "type": "User"}]}),
            json!({"eventType": "user.session.start"}),
            entry("user.account.lock"),
        ];
        let read = first.page(page(&entries, Some("p2")));
        assert_eq!(
            (read.ids, read.unreadable),
            (
                vec!["00u1".to_owned()],
                vec!["entry 1".to_owned(), "entry 2".to_owned(), "entry 5c7e".to_owned(),]
            )
        );
        let heavy = Page {
            items: Vec::new(),
            next: Some("p3".to_owned()),
            asked: 1,
            too_large: Some(ProviderError::REDIRECT),
        };
        let read = Place::read(ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH)).unwrap().page(heavy);
        assert_eq!((read.unreadable.len(), read.more), (1, true));
    }

    #[test]
    fn a_target_that_cannot_be_read_is_named_and_costs_no_other_target() {
        let user = |id: Value| json!({"id": id, "type": "User"});
        let changed = |target: Value| {
            let entry = json!({"eventType": "user.lifecycle.suspend", "uuid": "5c7e", "target": target});
            let first = Place::read(ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH)).unwrap();
            let read = first.page(page(&[entry], Some("p2")));
            (read.ids.join(" "), read.unreadable.join(" "))
        };
        for (target, ids, unreadable) in [
            (json!([user(json!("00u1")), user(json!("00u2"))]), "00u1 00u2", ""),
            (json!([user(json!(7)), user(json!("00u2"))]), "00u2", "entry 5c7e"),
            (json!([{"id": "00u1"}, user(json!("00u2"))]), "00u2", "entry 5c7e"),
            (user(json!("00u1")), "00u1", ""),
            (json!("00u1"), "", "entry 5c7e"),
        ] {
            let expected = (ids.to_owned(), unreadable.to_owned());
            assert_eq!(changed(target.clone()), expected, "{target}");
        }
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        assert_eq!(Place::read(ChangesFrom::Cursor("yesterday p2")), None);
        assert_eq!(Place::read(ChangesFrom::Cursor("2")), None);
    }
}
