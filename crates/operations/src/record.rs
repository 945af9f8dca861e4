//! Records whose source does not show them, which an operator may know to be gone, and tombstones that an operator does not
//! believe. The database decides what a reading
//! does with them; this module must not know it.

use postgres_store::{Announce, MissingRecord, PersonReading, RecordState, Source, Store, Write};
use serde::Serialize;

use crate::OperationError;

/// A missing record that an operator knows to be gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MarkedRecord {
    /// The source's name.
    pub source: String,
    /// The source's ID of it.
    pub external_id: String,
    /// Nothing was written: the run only checked.
    pub dry_run: bool,
}

/// A tombstone that any later reading of the record lifts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoredRecord {
    /// The source's name.
    pub source: String,
    /// The source's ID of it.
    pub external_id: String,
    /// Nothing was written: the run only checked.
    pub dry_run: bool,
}

/// The records that are missing, of one source or of all, longest first, at most `limit`.
pub async fn missing(
    store: &Store,
    source: Option<&str>,
    limit: u32,
) -> Result<Vec<MissingRecord>, OperationError> {
    Ok(store.missing_records(source, limit).await?)
}

/// Stores a missing record as gone, as a reading without a proof does: any later reading that finds the record lifts it.
/// Without `write` it only checks.
///
/// # Errors
/// [`OperationError::NotMissing`] when the record is not missing.
pub async fn mark_gone(
    store: &Store,
    source: &str,
    external_id: &str,
    announce: Announce,
    write: Option<&Write>,
) -> Result<MarkedRecord, OperationError> {
    let (name, external_id) = (source.to_owned(), external_id.to_owned());
    let Some(role) = store.role_of_missing_record(&name, &external_id).await? else {
        return Err(OperationError::NotMissing { source_name: name, external_id });
    };
    if write.is_none() {
        return Ok(MarkedRecord { source: name, external_id, dry_run: true });
    }
    // Drawn after the look: a reading that has found the record meanwhile has an earlier one, and the operator's word stands.
    let tickets = store.draw_refetch_tickets(&name, std::slice::from_ref(&external_id)).await?;
    let readings = tickets.into_iter().map(|ticket| PersonReading {
        external_id: external_id.clone(),
        state: RecordState::Gone { merged_into: None, proved: false },
        version_at: None,
        etag: None,
        ticket: ticket.number,
        announce,
        announces: None,
    });
    let readings: Vec<PersonReading> = readings.collect();
    store.apply_person_readings(Source { name: &name, role }, &readings).await?;
    Ok(MarkedRecord { source: name, external_id, dry_run: false })
}

/// Lets the next reading that finds a record lift its tombstone. Without `write` it only checks.
///
/// # Errors
/// [`OperationError::NoTombstone`] when the record is not stored as gone.
pub async fn restore(
    store: &Store,
    source: &str,
    external_id: &str,
    write: Option<&Write>,
) -> Result<RestoredRecord, OperationError> {
    let (source, external_id) = (source.to_owned(), external_id.to_owned());
    match store.restore_record(&source, &external_id, write).await? {
        true => Ok(RestoredRecord { source, external_id, dry_run: write.is_none() }),
        false => Err(OperationError::NoTombstone { source_name: source, external_id }),
    }
}
