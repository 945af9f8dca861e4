//! The client: reads a table instead of an API.

use std::collections::HashMap;

use async_trait::async_trait;
use event_contract::{Envelope, Origin, UnreadableEvent};
use provider_http::{ChangedPage, ChangesFrom, ListedPage, Outage, ProviderError};
use serde::{Deserialize, Serialize};

use super::record::{fetched, standard};
use super::table::{ChangePlace, TableSlot, TableUnavailable};
use crate::connector::{Batches, Listing, RecordEvent, Records};
use crate::{Fetched, Mapping};

/// Most records of one reading.
const BATCH: usize = 100;

const PAGE: u32 = 500;

const INVALID: ProviderError = ProviderError::Invalid { status: 400 };

/// A client of one source's records.
#[derive(Debug, Clone)]
pub struct HandedOverClient {
    table: TableSlot,
    standard: Mapping,
    mapping: Mapping,
}

/// Where the next page of the listing begins: behind this ID.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Behind {
    behind: String,
}

impl HandedOverClient {
    /// A client that reads the standard names, and what is mapped. It has no table yet.
    pub fn new(mapping: Mapping) -> Self {
        Self { table: TableSlot::default(), standard: standard(&mapping), mapping }
    }
}

impl From<TableUnavailable> for ProviderError {
    fn from(_: TableUnavailable) -> Self {
        Self::Unavailable { cause: Outage::Connect, retry_after: None }
    }
}

pub(super) fn read_event(envelope: &Envelope, _: Origin) -> Result<RecordEvent, UnreadableEvent> {
    envelope.ingress_hints().map(RecordEvent::Records)
}

#[async_trait]
impl Records for HandedOverClient {
    fn read_event(&self, envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent> {
        read_event(envelope, origin)
    }

    async fn fetch(&self, id: &str, _: Option<&str>) -> Result<Fetched, ProviderError> {
        let mut one = self.fetch_many(&[id.to_owned()]).await?;
        one.pop().ok_or(ProviderError::WHOLE_REPLY_MALFORMED)
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.table.table()?.list(None, 1).await?;
        Ok(())
    }

    fn batches(&self) -> Option<&dyn Batches> {
        Some(self)
    }

    fn listing(&self) -> Option<&dyn Listing> {
        Some(self)
    }

    fn table(&self) -> Option<&TableSlot> {
        Some(&self.table)
    }
}

#[async_trait]
impl Batches for HandedOverClient {
    fn most(&self) -> usize {
        BATCH
    }

    async fn fetch_many(&self, ids: &[String]) -> Result<Vec<Fetched>, ProviderError> {
        let rows = self.table.table()?.fetch_many(ids).await?;
        let mut rows: HashMap<String, _> = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        let answer = |id: &String| match rows.remove(id) {
            Some(row) => fetched(row, &self.standard, &self.mapping),
            // It was never handed over, or the table was restored from a time before. Only a row says that a record is removed.
            None => Ok(Fetched::NotVisible),
        };
        ids.iter().map(answer).collect()
    }
}

#[async_trait]
impl Listing for HandedOverClient {
    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError> {
        let behind: Option<Behind> = after.map(serde_json::from_str).transpose().map_err(|_| INVALID)?;
        let behind = behind.as_ref().map(|place| place.behind.as_str());
        let records = self.table.table()?.list(behind, PAGE).await?;
        let last = records.last().filter(|_| is_full(records.len()));
        let next = last.and_then(|last| serde_json::to_string(&Behind { behind: last.id.clone() }).ok());
        Ok(ListedPage { records, next, total: None, doubt: None, unreadable: Vec::new() })
    }

    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
        let place = match from {
            ChangesFrom::Time(received_at) => ChangePlace { received_at, id: String::new() },
            ChangesFrom::Cursor(cursor) => serde_json::from_str(cursor).map_err(|_| INVALID)?,
        };
        let changed = self.table.table()?.changed_since(&place, PAGE).await?;
        let more = is_full(changed.len());
        let next = serde_json::to_string(changed.last().unwrap_or(&place)).map_err(|_| INVALID)?;
        let ids = changed.into_iter().map(|place| place.id).collect();
        Ok(ChangedPage { ids, next, more, unreadable: Vec::new() })
    }
}

fn is_full(count: usize) -> bool {
    count >= PAGE as usize
}
