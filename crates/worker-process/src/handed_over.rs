//! Gives a source whose records were handed over its table. In: a source, and the store. Must not know which sources those are: a
//! source says so itself.

use std::sync::Arc;

use async_trait::async_trait;
use connectors::{ChangePlace, HandedOver, ListedRecord, RecordTable, Source, TableUnavailable};
use postgres_store::{HandedOverPlace, Store, StoreError};

/// Lets a source read its records from the database, if they were handed over. Any other source stays as it is.
pub fn read_handed_over(source: &Source, store: &Store) {
    source.read_from(|name| Arc::new(StoredTable { store: store.clone(), source: name.to_owned() }));
}

/// The records of one source, in the database.
struct StoredTable {
    store: Store,
    source: String,
}

#[async_trait]
impl RecordTable for StoredTable {
    async fn fetch_many(&self, ids: &[String]) -> Result<Vec<HandedOver>, TableUnavailable> {
        let rows = self.store.handed_over_records(&self.source, ids).await.map_err(unavailable)?;
        let rows = rows.into_iter().map(|row| HandedOver {
            id: row.record_id,
            version_at: row.version_at,
            content: row.content,
        });
        Ok(rows.collect())
    }

    async fn list(&self, after: Option<&str>, limit: u32) -> Result<Vec<ListedRecord>, TableUnavailable> {
        let rows = self.store.list_handed_over(&self.source, after, limit).await.map_err(unavailable)?;
        let rows = rows.into_iter().map(|row| ListedRecord { id: row.record_id, version: row.version_at });
        Ok(rows.collect())
    }

    async fn changed_since(
        &self,
        place: &ChangePlace,
        limit: u32,
    ) -> Result<Vec<ChangePlace>, TableUnavailable> {
        let place = HandedOverPlace { received_at: place.received_at, record_id: place.id.clone() };
        let rows = self.store.handed_over_since(&self.source, &place, limit).await.map_err(unavailable)?;
        Ok(rows
            .into_iter()
            .map(|row| ChangePlace { received_at: row.received_at, id: row.record_id })
            .collect())
    }
}

fn unavailable(error: StoreError) -> TableUnavailable {
    tracing::warn!(%error, "table of records that were handed over does not answer");
    TableUnavailable
}
