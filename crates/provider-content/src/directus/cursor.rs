//! How far a collection has been read. It has two streams: items that were never updated, by their creation, and the
//! others, by their last update. Directus leaves `date_updated` empty until the first update, and cannot sort by the later of
//! the two. An updated item moves to the end of the second stream, so that it is not missed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// How far before the newest item the next reading begins. Directus sets a time before it commits, by the clock of one of its
/// instances. So an item that appears late, by less than this, is still read.
pub(crate) const OVERLAP: Duration = Duration::minutes(5);

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    pub(crate) stream: Stream,
    pub(crate) after: Option<Place>,
    pub(crate) newest: Newest,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Newest {
    #[serde(with = "time::serde::rfc3339::option")]
    pub(crate) created: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(crate) updated: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) at: OffsetDateTime,
    /// The items of that moment that were read.
    pub(crate) ids: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stream {
    #[default]
    Created,
    Updated,
}

impl Stream {
    /// The stream that is read after this one.
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::Created => Self::Updated,
            Self::Updated => Self::Created,
        }
    }

    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::Created => "date_created",
            Self::Updated => "date_updated",
        }
    }

    pub(crate) const fn newest(self, newest: &mut Newest) -> &mut Option<OffsetDateTime> {
        match self {
            Self::Created => &mut newest.created,
            Self::Updated => &mut newest.updated,
        }
    }
}

impl Cursor {
    pub(crate) fn to_text(&self) -> Option<String> {
        // Never `None`, since numbers, times and texts are JSON.
        serde_json::to_string(self).ok()
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}
