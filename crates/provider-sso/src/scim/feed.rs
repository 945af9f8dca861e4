//! Users by `meta.lastModified` as a feed.

use provider_http::{ChangedPage, ChangesFrom};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::list::UserPage;

/// A server's filter may compare whole seconds only.
const SECOND: Duration = Duration::seconds(1);
const OVERLAP: Duration = Duration::minutes(5);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) since: OffsetDateTime,
    pub(crate) start_index: usize,
    #[serde(with = "time::serde::rfc3339")]
    latest: OffsetDateTime,
}

impl Place {
    pub(crate) fn read(from: ChangesFrom<'_>) -> Option<Self> {
        match from {
            ChangesFrom::Time(since) => Some(Self { since, start_index: 1, latest: since }),
            ChangesFrom::Cursor(cursor) => serde_json::from_str(cursor).ok(),
        }
    }

    /// `sorted`: the oldest change is first. `None`: a time is out of range.
    pub(crate) fn page(self, page: UserPage, sorted: bool) -> Option<ChangedPage> {
        let changes = page.users.iter().filter_map(|user| user.version);
        let latest = changes.chain([self.latest]).max()?;
        let last = page.users.last().and_then(|user| user.version).filter(|_| sorted);
        // By time, and not by number: a user who changes meanwhile moves to the end, and the feed would skip another.
        let behind = last.and_then(|last| last.checked_sub(SECOND)).filter(|behind| *behind > self.since);
        let next = match (page.next_start_index, behind) {
            (Some(_), Some(since)) => Self { since, start_index: 1, latest },
            // All changes have one time, or they have no order: only the number is left.
            (Some(start_index), None) => Self { start_index, latest, ..self },
            // Two changes may have the same time, and a server may show a change late.
            (None, _) => Self { since: self.since.max(latest.checked_sub(OVERLAP)?), start_index: 1, latest },
        };
        let more = page.next_start_index.is_some();
        let ids = page.users.into_iter().map(|user| user.id).collect();
        Some(ChangedPage { ids, next: serde_json::to_string(&next).ok()?, more })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use time::macros::datetime;

    use super::*;
    use crate::SsoUser;

    const START: OffsetDateTime = datetime!(2026-11-26 10:00 UTC);

    fn user(id: u32, version: OffsetDateTime) -> SsoUser {
        SsoUser {
            id: id.to_string(),
            email: None,
            email_verified: false,
            given_name: None,
            family_name: None,
            display_name: None,
            phone: None,
            blocked: false,
            external_key: None,
            identities: Vec::new(),
            version: Some(version),
            etag: None,
        }
    }

    /// The answer of a server that filters and sorts, ten users at a time.
    fn listed(users: &BTreeMap<u32, OffsetDateTime>, place: &Place) -> UserPage {
        let mut behind: Vec<SsoUser> =
            users.iter().filter(|(_, at)| **at > place.since).map(|(id, at)| user(*id, *at)).collect();
        behind.sort_by_key(|user| user.version);
        let total = behind.len();
        let users: Vec<SsoUser> = behind.into_iter().skip(place.start_index - 1).take(10).collect();
        let next = place.start_index + users.len();
        UserPage { users, total, next_start_index: (next <= total).then_some(next) }
    }

    /// Reads the feed to its end, and changes the first user after the first page.
    fn read(mut users: BTreeMap<u32, OffsetDateTime>) -> BTreeSet<String> {
        let mut place = Place::read(ChangesFrom::Time(START - Duration::SECOND)).unwrap();
        let mut ids = BTreeSet::new();
        loop {
            let answer = listed(&users, &place);
            let page = place.page(answer, true).unwrap();
            ids.extend(page.ids);
            users.insert(0, START + Duration::HOUR);
            place = Place::read(ChangesFrom::Cursor(&page.next)).unwrap();
            if !page.more {
                return ids;
            }
        }
    }

    #[test]
    fn a_user_who_changes_during_the_reading_hides_no_other() {
        let users = (0..35).map(|number| (number, START + Duration::minutes(i64::from(number))));
        assert_eq!(read(users.collect()).len(), 35);
    }

    #[test]
    fn many_changes_of_one_time_are_all_in_the_feed() {
        let mut place = Place::read(ChangesFrom::Time(START - Duration::SECOND)).unwrap();
        let users: BTreeMap<u32, OffsetDateTime> = (0..35).map(|number| (number, START)).collect();
        let mut ids = BTreeSet::new();
        for _ in 0..4 {
            let answer = listed(&users, &place);
            let page = place.page(answer, true).unwrap();
            ids.extend(page.ids);
            place = Place::read(ChangesFrom::Cursor(&page.next)).unwrap();
        }
        assert_eq!(ids.len(), 35);
    }
}
