//! What a provider's listing and its feed of changes say about records: IDs and versions, and no more.

use time::OffsetDateTime;

use crate::json::Json;

/// A record as a listing names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRecord {
    /// The provider's ID.
    pub id: String,
    /// Its version, if the listing has it. A listing may lag behind.
    pub version: Option<OffsetDateTime>,
}

/// One page of the listing of all records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPage {
    /// The records on it.
    pub records: Vec<ListedRecord>,
    /// Opaque: where the next page begins. `None`: this is the last page.
    pub next: Option<String>,
    /// How many records there are in all, if the provider says so.
    pub total: Option<u64>,
    /// Why records may be missing from the page although the provider answered 200. `None`: there is no sign of that.
    pub doubt: Option<&'static str>,
    /// The records on the page that cannot be read, by their places: `record 17`.
    pub unreadable: Vec<String>,
}

/// The readable records of a page, and the places of the others, counted from `first`. One bad record costs no other.
pub fn readable_records<'a, T>(
    items: impl IntoIterator<Item = &'a Json>,
    first: usize,
    read: impl Fn(&Json) -> Option<T>,
) -> (Vec<T>, Vec<String>) {
    let (mut records, mut unreadable) = (Vec::new(), Vec::new());
    for (place, item) in (first..).zip(items) {
        match read(item) {
            Some(record) => records.push(record),
            None => unreadable.push(format!("record {place}")),
        }
    }
    (records, unreadable)
}

/// Where the reading of a feed of changes begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangesFrom<'a> {
    /// Where an earlier page ended.
    Cursor(&'a str),
    /// At a time: for a feed that is read for the first time.
    Time(OffsetDateTime),
}

/// One page of a feed of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedPage {
    /// IDs of records that changed, or were removed if the feed has that. An ID may be there twice.
    pub ids: Vec<String>,
    /// Opaque: where to read the feed from next time.
    pub next: String,
    /// True if the feed has more already.
    pub more: bool,
    /// The changes on the page that cannot be read, by their places or by their own IDs. Their records are not in `ids`.
    pub unreadable: Vec<String>,
}
