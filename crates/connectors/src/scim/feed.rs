//! Users by `meta.lastModified` as a feed. A server may claim that it filters and sorts, and do neither: the totals show whether
//! it does. Without an order, the beginning does not move before the listing is complete.

use provider_http::{ChangedPage, ChangesFrom, ProviderError};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::list::{Position, Start, UserPage};

/// A server's filter may compare whole seconds only.
const SECOND: Duration = Duration::seconds(1);
const OVERLAP: Duration = Duration::minutes(5);

/// A time of the feed is out of range.
const INVALID: ProviderError = ProviderError::Invalid { status: 400 };

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The pages of this listing have the changes after it.
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) since: OffsetDateTime,
    pub(crate) start: Start,
    /// Where the first page of this reading began. Everything before it was read by an earlier one.
    #[serde(with = "time::serde::rfc3339")]
    begin: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    latest: OffsetDateTime,
    /// The listing from `since` must have as many changes as this, if the pages before were in order.
    expected: Option<usize>,
    /// The pages of this reading were not in order, or not counted.
    unsorted: bool,
}

impl Place {
    pub(crate) fn read(from: ChangesFrom<'_>) -> Option<Self> {
        match from {
            ChangesFrom::Time(since) => Some(Self::at(since)),
            ChangesFrom::Cursor(cursor) => serde_json::from_str(cursor).ok(),
        }
    }

    fn at(since: OffsetDateTime) -> Self {
        Self { since, start: Start::first(), begin: since, latest: since, expected: None, unsorted: false }
    }

    /// `ordered`: the server claims that the page has changes after `since` only, the oldest first.
    pub(crate) fn page(
        self,
        page: UserPage,
        ordered: bool,
        now: OffsetDateTime,
    ) -> Result<ChangedPage, ProviderError> {
        // A time in the future would hide every change until then.
        let changes = page.users.iter().filter_map(|user| user.version).filter(|version| *version <= now);
        let latest = changes.chain([self.latest]).max().unwrap_or(self.latest);
        let skipped = self.expected > page.total.or(self.expected);
        let next = match self.start.position(&page) {
            Position::Contradictory(why) => return Err(ProviderError::Unusable { why }),
            _ if skipped => self.unsorted(),
            // Two changes may have the same time, and a server may show a change late.
            Position::Behind => Self::at(self.begin.max(latest.checked_sub(OVERLAP).ok_or(INVALID)?)),
            Position::Within(start) => Self { latest, ..self }.within(&page, start, ordered),
        };
        Ok(ChangedPage {
            ids: page.users.into_iter().map(|user| user.id).collect(),
            next: serde_json::to_string(&next).map_err(|_| INVALID)?,
            more: next.start.index > 1 || next.begin != next.since || next.unsorted,
            unreadable: page.unreadable,
        })
    }

    fn within(self, page: &UserPage, start: Start, ordered: bool) -> Self {
        if self.unsorted || !ordered {
            return Self { start, ..self };
        }
        // There are users behind the total: it counts something else, and it made us go on by number.
        if self.start.is_behind_total() {
            return self.unsorted();
        }
        // By time, and not by number: a user who changes meanwhile moves to the end, and the feed would skip another. By number
        // if all changes have one time, if no total can show that some were skipped, and to see whether it says the truth.
        let total = page.total.filter(|_| !start.is_behind_total());
        let last = page.users.last().and_then(|user| user.version);
        let behind = last.and_then(|last| last.checked_sub(SECOND)).filter(|behind| *behind > self.since);
        match (behind, total) {
            (Some(since), Some(total)) => {
                let known = page.users.iter().filter(|user| user.version <= Some(since)).count();
                let expected = Some(total.saturating_sub(self.start.index - 1 + known));
                Self { since, start: Start::first(), expected, ..self }
            }
            _ => Self { start, ..self },
        }
    }

    /// By number from the beginning: pages that were in order by chance prove nothing, and more changes may be before them.
    fn unsorted(self) -> Self {
        Self { since: self.begin, start: Start::first(), expected: None, unsorted: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use provider_http::ListedRecord;
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-11-26 10:00 UTC);

    const NOW: OffsetDateTime = datetime!(2026-11-27 10:00 UTC);

    /// A server with ten users on a page, and its habits.
    #[derive(Clone, Copy)]
    struct Server {
        filters: bool,
        sorts: bool,
        counts_the_page: bool,
    }

    const HONEST: Server = Server { filters: true, sorts: true, counts_the_page: false };

    impl Server {
        fn page(self, users: &[(u32, OffsetDateTime)], place: &Place) -> UserPage {
            let listed =
                |(id, at): &(u32, OffsetDateTime)| ListedRecord { id: id.to_string(), version: Some(*at) };
            let mut behind: Vec<ListedRecord> =
                users.iter().filter(|(_, at)| !self.filters || *at > place.since).map(listed).collect();
            if self.sorts {
                behind.sort_by_key(|user| user.version);
            }
            let total = behind.len();
            let users: Vec<ListedRecord> = behind.into_iter().skip(place.start.index - 1).take(10).collect();
            let total = if self.counts_the_page { users.len() } else { total };
            UserPage { length: users.len(), users, unreadable: Vec::new(), total: Some(total) }
        }
    }

    /// Reads the feed to its end, and changes the first user after the first page. Out: the IDs, and where it goes on.
    fn read(server: Server, users: Vec<(u32, OffsetDateTime)>) -> (BTreeSet<String>, Place) {
        read_while(server, users, |users| users[0].1 = START + Duration::HOUR)
    }

    fn read_while(
        server: Server,
        mut users: Vec<(u32, OffsetDateTime)>,
        change: impl Fn(&mut Vec<(u32, OffsetDateTime)>),
    ) -> (BTreeSet<String>, Place) {
        let mut place = Place::at(START - Duration::SECOND);
        let mut ids = BTreeSet::new();
        for _ in 0..100 {
            let page = place.clone().page(server.page(&users, &place), true, NOW).unwrap();
            ids.extend(page.ids);
            change(&mut users);
            place = Place::read(ChangesFrom::Cursor(&page.next)).unwrap();
            if !page.more {
                return (ids, place);
            }
            assert!(place.begin == START - Duration::SECOND, "the feed moves at its end only");
        }
        panic!("the feed has no end")
    }

    fn minutes(numbers: impl Iterator<Item = u32>) -> Vec<(u32, OffsetDateTime)> {
        numbers
            .enumerate()
            .map(|(id, number)| (u32::try_from(id).unwrap(), START + Duration::minutes(number.into())))
            .collect()
    }

    #[test]
    fn a_user_who_changes_during_the_reading_hides_no_other() {
        let (ids, place) = read(HONEST, minutes(0..35));
        assert_eq!(ids.len(), 35);
        assert_eq!(place.since, START + Duration::HOUR - OVERLAP);
    }

    #[test]
    fn no_claim_of_a_server_makes_the_feed_skip_a_user() {
        for filters in [true, false] {
            for sorts in [true, false] {
                for counts_the_page in [true, false] {
                    let server = Server { filters, sorts, counts_the_page };
                    // Sorted by chance on the first page; in no order; the newest first; all at one time.
                    let by_chance = minutes((10..20).chain(0..10).chain(20..35));
                    let none = minutes((0..35).map(|number| number * 17 % 35));
                    for users in [by_chance, none, minutes((0..35).rev())] {
                        let about = format!("{filters} {sorts} {counts_the_page} {users:?}");
                        assert_eq!(read(server, users.clone()).0.len(), 35, "{about}");
                        assert_eq!(read_while(server, users, |_| {}).0.len(), 35, "nothing changes: {about}");
                    }
                    let (ids, _) = read_while(server, minutes((0..35).map(|_| 0)), |_| {});
                    assert_eq!(ids.len(), 35, "{filters} {sorts} {counts_the_page}: all at one time");
                }
            }
        }
    }

    #[test]
    fn a_time_in_the_future_does_not_end_the_feed() {
        let mut users = minutes(0..35);
        users[7].1 = datetime!(9999-12-31 23:59:59 UTC);
        let (ids, place) = read(HONEST, users);
        assert_eq!((ids.len(), place.since), (35, START + Duration::HOUR - OVERLAP));
    }

    #[test]
    fn an_empty_page_before_the_end_is_an_error_and_moves_nothing() {
        let empty = |total| UserPage { users: Vec::new(), unreadable: Vec::new(), length: 0, total };
        let place = Place::at(START);
        let outcome = place.clone().page(empty(Some(7)), true, NOW);
        assert!(matches!(outcome, Err(ProviderError::Unusable { .. })), "{outcome:?}");
        let quiet = place.clone().page(empty(Some(0)), true, NOW).unwrap();
        assert_eq!((quiet.more, Place::read(ChangesFrom::Cursor(&quiet.next))), (false, Some(place)));
    }
}
