//! The changes of a described API: a list that a time restricts. In: where the reading is. Out: the changed records, and where to go on.

use provider_http::{ChangedPage, ChangesFrom, ProviderError};
use serde::{Deserialize, Serialize};
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, UtcOffset};

use super::description::TimeFormat;
use super::paging::{Place, Read};

/// A source may show a change late, and its clock may differ from ours.
const OVERLAP: Duration = Duration::minutes(5);

const SQL: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

const INVALID: ProviderError = ProviderError::Invalid { status: 400 };

/// Where the reading of a feed is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Feed {
    /// The pages have the changes since then.
    #[serde(with = "time::serde::rfc3339")]
    since: OffsetDateTime,
    /// When the first of these pages was asked for, by our clock.
    #[serde(with = "time::serde::rfc3339")]
    began: OffsetDateTime,
    /// The newest version on them so far.
    #[serde(with = "time::serde::rfc3339::option")]
    newest: Option<OffsetDateTime>,
    pub(crate) place: Place,
}

impl Feed {
    pub(crate) fn read(from: ChangesFrom<'_>, now: OffsetDateTime) -> Result<Self, ProviderError> {
        let first = |since| Self { since, began: now, newest: None, place: Place::default() };
        match from {
            ChangesFrom::Time(since) => Ok(first(since)),
            ChangesFrom::Cursor(cursor) => {
                let feed: Self = serde_json::from_str(cursor).map_err(|_| INVALID)?;
                Ok(if feed.place == Place::default() { first(feed.since) } else { feed })
            }
        }
    }

    /// The time as the API writes it.
    pub(crate) fn since(&self, format: TimeFormat) -> Result<String, ProviderError> {
        match format {
            TimeFormat::Rfc3339 => self.since.format(&Rfc3339).map_err(|_| INVALID),
            TimeFormat::Sql => self.since.to_offset(UtcOffset::UTC).format(SQL).map_err(|_| INVALID),
            TimeFormat::Unix => Ok(self.since.unix_timestamp().to_string()),
            TimeFormat::UnixMs => Ok((self.since.unix_timestamp_nanos() / 1_000_000).to_string()),
        }
    }

    pub(crate) fn page(self, read: Read) -> Result<ChangedPage, ProviderError> {
        let Read { page, next } = read;
        // A version in the future would hide every change until then.
        let versions = page.records.iter().filter_map(|record| record.version);
        let newest = versions.filter(|version| *version <= self.began).chain(self.newest).max();
        let more = next.is_some();
        let next = match next {
            Some(place) => Self { newest, place, ..self },
            None => {
                let until = newest.unwrap_or(self.began).checked_sub(OVERLAP).ok_or(INVALID)?;
                Self { since: self.since.max(until), newest: None, place: Place::default(), ..self }
            }
        };
        Ok(ChangedPage {
            ids: page.records.into_iter().map(|record| record.id).collect(),
            next: serde_json::to_string(&next).map_err(|_| INVALID)?,
            more,
            unreadable: page.unreadable,
        })
    }
}

#[cfg(test)]
mod tests {
    use provider_http::{ListedPage, ListedRecord};
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-30 10:00 UTC);

    fn read(versions: &[OffsetDateTime]) -> Read {
        let record =
            |version: &OffsetDateTime| ListedRecord { id: String::from("1"), version: Some(*version) };
        let records = versions.iter().map(record).collect();
        Read {
            page: ListedPage { records, next: None, total: None, doubt: None, unreadable: Vec::new() },
            next: None,
        }
    }

    #[test]
    fn a_feed_goes_on_a_little_before_its_newest_change_and_never_in_the_future() {
        let since = datetime!(2026-11-30 8:00 UTC);
        let next = |versions: &[OffsetDateTime]| {
            let page = Feed::read(ChangesFrom::Time(since), NOW).unwrap().page(read(versions)).unwrap();
            assert!(!page.more);
            Feed::read(ChangesFrom::Cursor(&page.next), NOW).unwrap().since
        };
        assert_eq!(next(&[datetime!(2026-11-30 9:30 UTC)]), datetime!(2026-11-30 9:25 UTC));
        assert_eq!(next(&[datetime!(2999-01-01 0:00 UTC)]), datetime!(2026-11-30 9:55 UTC));
        assert_eq!(next(&[]), datetime!(2026-11-30 9:55 UTC), "by our clock");
        assert_eq!(next(&[datetime!(2026-11-30 8:01 UTC)]), since, "it never goes back");
    }

    #[test]
    fn a_time_is_written_as_the_api_writes_it() {
        let feed = Feed::read(ChangesFrom::Time(NOW), NOW).unwrap();
        assert_eq!(feed.since(TimeFormat::Rfc3339).unwrap(), "2026-11-30T10:00:00Z");
        assert_eq!(feed.since(TimeFormat::Unix).unwrap(), "1796032800");
        assert_eq!(feed.since(TimeFormat::Sql).unwrap(), "2026-11-30 10:00:00");
        assert_eq!(feed.since(TimeFormat::UnixMs).unwrap(), "1796032800000");
    }
}
