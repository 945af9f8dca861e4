//! Records whose source does not show them, and tombstones that an operator does not believe. The database decides what a reading
//! does with them; this module must not know it.

use postgres_store::{MissingRecord, Store};
use serde::Serialize;

use crate::OperationError;

/// A tombstone that any later reading of the record lifts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoredRecord {
    /// The source's name.
    pub source: String,
    /// The source's ID of it.
    pub external_id: String,
}

/// The records that are missing, of one source or of all, longest first, at most `limit`.
pub async fn missing(
    store: &Store,
    source: Option<&str>,
    limit: u32,
) -> Result<Vec<MissingRecord>, OperationError> {
    Ok(store.missing_records(source, limit).await?)
}

/// Lets the next reading that finds a record lift its tombstone.
///
/// # Errors
/// [`OperationError::NoTombstone`] when the record is not stored as gone.
pub async fn restore(
    store: &Store,
    source: &str,
    external_id: &str,
) -> Result<RestoredRecord, OperationError> {
    let (source, external_id) = (source.to_owned(), external_id.to_owned());
    match store.restore_record(&source, &external_id).await? {
        true => Ok(RestoredRecord { source, external_id }),
        false => Err(OperationError::NoTombstone { source_name: source, external_id }),
    }
}
