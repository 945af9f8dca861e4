//! Users by `meta.lastModified` as a feed. Pure.
//!
//! Two changes may have the same time, and a server may tell of a change late: so the feed is read again from a little
//! before the latest change that it told.

use provider_http::{ChangedPage, ChangesFrom};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::UserPage;

/// How far it is read again.
const OVERLAP: Duration = Duration::minutes(5);

/// Where the feed goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) since: OffsetDateTime,
    pub(crate) start_index: usize,
    /// The latest change so far.
    #[serde(with = "time::serde::rfc3339")]
    latest: OffsetDateTime,
}

impl Place {
    /// `None`: the cursor is none of ours.
    pub(crate) fn read(from: ChangesFrom<'_>) -> Option<Self> {
        match from {
            ChangesFrom::Time(since) => Some(Self { since, start_index: 1, latest: since }),
            ChangesFrom::Cursor(cursor) => serde_json::from_str(cursor).ok(),
        }
    }

    /// The page of these users. `None` when there is no such time.
    pub(crate) fn page(self, page: UserPage) -> Option<ChangedPage> {
        let changes = page.users.iter().filter_map(|user| user.version);
        let latest = changes.chain([self.latest]).max()?;
        let next = match page.next_start_index {
            Some(start_index) => Self { start_index, latest, ..self },
            None => Self { since: self.since.max(latest.checked_sub(OVERLAP)?), start_index: 1, latest },
        };
        let more = page.next_start_index.is_some();
        let ids = page.users.into_iter().map(|user| user.id).collect();
        Some(ChangedPage { ids, next: serde_json::to_string(&next).ok()?, more })
    }
}
