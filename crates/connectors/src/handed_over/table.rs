//! The table that the records are in, as the connector sees it. Must not know what it is made of.

use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use provider_http::ListedRecord;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

/// A record that was handed over. It holds personal data: no `Debug`.
#[derive(Clone, PartialEq)]
pub struct HandedOver {
    /// The sender's ID of it.
    pub id: String,
    /// The sender's version, if that is a time.
    pub version_at: Option<OffsetDateTime>,
    /// A JSON object, as it was sent. `None`: the sender has removed the record.
    pub content: Option<Value>,
}

/// A place in the order of changes: when a record was received, and its ID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePlace {
    /// When it was received.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// Its ID. Empty: before each record of that time.
    pub id: String,
}

/// The table does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the table of records that were handed over does not answer")]
pub struct TableUnavailable;

/// The records that one source has handed over.
#[async_trait]
pub trait RecordTable: Send + Sync {
    /// Those of `ids` that were ever handed over, in any order, removed ones included.
    ///
    /// # Errors
    /// [`TableUnavailable`]: nothing is known of any.
    async fn fetch_many(&self, ids: &[String]) -> Result<Vec<HandedOver>, TableUnavailable>;

    /// At most `limit` records that are not removed, in the order of their IDs, from behind `after` on.
    ///
    /// # Errors
    /// [`TableUnavailable`].
    async fn list(&self, after: Option<&str>, limit: u32) -> Result<Vec<ListedRecord>, TableUnavailable>;

    /// At most `limit` records that were received behind `place`, the oldest first, removed ones included. A record is left out
    /// while an earlier one may still become visible: so none is skipped, and none is read twice.
    ///
    /// # Errors
    /// [`TableUnavailable`].
    async fn changed_since(
        &self,
        place: &ChangePlace,
        limit: u32,
    ) -> Result<Vec<ChangePlace>, TableUnavailable>;
}

/// The place of a client for its table, which is there as soon as the process has its database.
#[derive(Clone, Default)]
pub struct TableSlot(OnceLock<Arc<dyn RecordTable>>);

impl TableSlot {
    /// Reads from this table from now on. A client has one table: a second one is left out.
    pub fn read_from(&self, table: Arc<dyn RecordTable>) {
        drop(self.0.set(table));
    }

    pub(super) fn table(&self) -> Result<&dyn RecordTable, TableUnavailable> {
        self.0.get().map(AsRef::as_ref).ok_or(TableUnavailable)
    }
}

impl fmt::Debug for TableSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableSlot").field("filled", &self.0.get().is_some()).finish()
    }
}
