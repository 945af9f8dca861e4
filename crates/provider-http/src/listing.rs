//! What a provider's listing and its feed of changes say of records: who they are, and no more.

use time::OffsetDateTime;

/// A record as a listing names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRecord {
    /// The provider's ID.
    pub id: String,
    /// Its version, where the listing tells it. A listing may lag behind.
    pub version: Option<OffsetDateTime>,
}

/// One page of the listing of all records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPage {
    /// What is on it.
    pub records: Vec<ListedRecord>,
    /// Opaque: where the next page begins. `None`: this was the last one.
    pub next: Option<String>,
    /// How many records there are in all, where the provider says so.
    pub total: Option<u64>,
    /// Why something may be missing from it although it was answered with 200. `None`: nothing says so.
    pub doubt: Option<&'static str>,
}

/// Where the reading of a feed of changes begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangesFrom<'a> {
    /// Where an earlier page ended.
    Cursor(&'a str),
    /// At a time: for a feed that was never read.
    Time(OffsetDateTime),
}

/// One page of a feed of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedPage {
    /// IDs of records that changed, or went where the provider tells of that. One may be there twice.
    pub ids: Vec<String>,
    /// Opaque: where the feed goes on, now or another day.
    pub next: String,
    /// More is there already.
    pub more: bool,
}
