//! Reads records that were handed over, for their connector.

use serde_json::Value;
use time::OffsetDateTime;

use crate::{Store, StoreError};

/// A record that was handed over. It holds personal data: no `Debug`.
#[derive(Clone)]
pub struct HandedOverRecord {
    /// The sender's ID of it.
    pub record_id: String,
    /// The sender's version, if that is a time.
    pub version_at: Option<OffsetDateTime>,
    /// A JSON object. `None`: the sender has removed it.
    pub content: Option<Value>,
}

/// The ID and the version of a record that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOverVersion {
    /// The sender's ID of it.
    pub record_id: String,
    /// The sender's version, if that is a time.
    pub version_at: Option<OffsetDateTime>,
}

/// A place in the order in which records were received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOverPlace {
    /// When the record was received.
    pub received_at: OffsetDateTime,
    /// Its ID.
    pub record_id: String,
}

impl Store {
    /// Those of these records that are stored, removed ones included, in any order.
    pub async fn handed_over_records(
        &self,
        source: &str,
        ids: &[String],
    ) -> Result<Vec<HandedOverRecord>, StoreError> {
        // Postgres cannot store NUL, so no stored ID contains one. A NUL in one event's ID must not fail the whole batch.
        let ids: Vec<String> = ids.iter().filter(|id| !id.contains('\0')).cloned().collect();
        let rows = sqlx::query_as!(
            HandedOverRecord,
            r#"select record_id, version_at, content from handed_over_record
               where source = $1 and record_id = any ($2)"#,
            source,
            &ids
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// At most `limit` records that are not removed, in the order of their IDs, behind `after`.
    pub async fn list_handed_over(
        &self,
        source: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<HandedOverVersion>, StoreError> {
        let rows = sqlx::query_as!(
            HandedOverVersion,
            r#"select record_id, version_at from handed_over_record
               where source = $1 and record_id > coalesce($2, '') and not removed
               order by record_id limit $3"#,
            source,
            after,
            i64::from(limit)
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// At most `limit` records that were received behind a place, the oldest first. The last two minutes are left out: a
    /// transaction that began earlier may still commit, and each of them is far shorter.
    pub async fn handed_over_since(
        &self,
        source: &str,
        place: &HandedOverPlace,
        limit: u32,
    ) -> Result<Vec<HandedOverPlace>, StoreError> {
        let rows = sqlx::query_as!(
            HandedOverPlace,
            r#"select received_at, record_id from handed_over_record
               where source = $1 and (received_at, record_id) > ($2, $3) and received_at < now() - interval '2 minutes'
               order by received_at, record_id limit $4"#,
            source,
            place.received_at,
            place.record_id,
            i64::from(limit)
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }
}
