//! Deletes what has served its purpose. In: an age for each kind. Out: how many rows of each are gone. It must not know the tables.

use postgres_store::{Expiring, Store, Write};
use serde::Serialize;
use time::Duration;

use crate::OperationError;

/// What a run has deleted of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// The table.
    pub table: &'static str,
    /// Rows older than this number of days were deleted.
    pub older_than_days: u32,
    /// How many.
    pub rows: u64,
    /// Nothing was deleted: the run only counted.
    pub dry_run: bool,
}

/// Deletes rows of each kind that are older than so many days. Without a proof it deletes nothing, and counts.
///
/// # Errors
/// [`OperationError::Store`]: what was deleted stays deleted, and the next run deletes the rest.
pub async fn delete_expired(
    store: &Store,
    ages: &[(Expiring, u32)],
    write: Option<&Write>,
) -> Result<Vec<Deleted>, OperationError> {
    let mut deleted = Vec::new();
    for (what, days) in ages {
        let rows = store.delete_expired(*what, Duration::days(i64::from(*days)), write).await?;
        deleted.push(Deleted { table: what.table(), older_than_days: *days, rows, dry_run: write.is_none() });
    }
    Ok(deleted)
}
