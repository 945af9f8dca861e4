//! Samples of records, for audits and probes: IDs, and the values that show whether a record equals its source's; nothing of
//! its content. Reads only. It does not know what is done with them.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;
use time::OffsetDateTime;

use crate::{Store, StoreError};

/// A stored record. Two equal values mean the same reading of the same content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The source's ID of it.
    pub external_id: String,
    /// SHA-256 of its content, as [`crate::RecordState::content_hash`] computes it. `None`: a tombstone.
    pub content_hash: Option<Vec<u8>>,
    /// The source's own version of it.
    pub version_at: Option<OffsetDateTime>,
    /// Ticket of the last refetch that wrote it.
    pub ticket: i64,
}

impl Store {
    /// IDs of up to `count` records of a source, tombstones included: a simple random sample without replacement, or all
    /// records if there are no more. Draw `start` for each sample from the whole range of `i64`, uniformly.
    pub async fn sample_records(
        &self,
        source: &str,
        start: i64,
        count: u32,
    ) -> Result<Vec<String>, StoreError> {
        // Records are ordered by a hash of their ID, which is independent of their content and age. The sample is the run of
        // neighbours from `start` on, continued at the beginning. So it costs one range of an index, however many records there
        // are. The alternatives are worse: `tablesample system` takes whole pages, whose rows were written together and fail
        // together; `bernoulli` reads the whole table; the next ID after a random one favours IDs after a gap.
        let mut sample = sqlx::query_scalar!(
            r#"select external_id from source_record
               where source = $1 and hashtextextended(external_id, 0) >= $2
               order by hashtextextended(external_id, 0) limit $3"#,
            source,
            start,
            i64::from(count)
        )
        .fetch_all(&self.pool)
        .await?;
        let missing = i64::from(count) - i64::try_from(sample.len()).unwrap_or(i64::MAX);
        if missing > 0 {
            let round_the_end = sqlx::query_scalar!(
                r#"select external_id from source_record
                   where source = $1 and hashtextextended(external_id, 0) < $2
                   order by hashtextextended(external_id, 0) limit $3"#,
                source,
                start,
                missing
            )
            .fetch_all(&self.pool)
            .await?;
            sample.extend(round_the_end);
        }
        Ok(sample)
    }

    /// IDs of up to `count` records of a source that were there when they were last read. `start` as for
    /// [`Store::sample_records`].
    pub async fn sample_live_records(
        &self,
        source: &str,
        start: i64,
        count: u32,
    ) -> Result<Vec<String>, StoreError> {
        let live = sqlx::query_scalar!(
            r#"(select external_id as "external_id!" from source_record
                where source = $1 and hashtextextended(external_id, 0) >= $2 and gone_at is null and missing_since is null
                order by hashtextextended(external_id, 0) limit $3)
               union all
               (select external_id from source_record
                where source = $1 and hashtextextended(external_id, 0) < $2 and gone_at is null and missing_since is null
                order by hashtextextended(external_id, 0) limit $3)
               limit $3"#,
            source,
            start,
            i64::from(count)
        );
        Ok(live.fetch_all(&self.pool).await?)
    }

    /// IDs of a source's records whose content changed here within `age`, newest first, at most `limit`.
    pub async fn records_changed_within(
        &self,
        source: &str,
        age: Duration,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let microseconds = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        // If much changed within a day, finding the newest changes means reading all of them. No handler waits for it.
        let mut transaction = self.pool.begin_long().await?;
        let ids = sqlx::query_scalar!(
            r#"select external_id from source_record
               where source = $1 and changed_at > now() - $2::interval order by changed_at desc limit $3"#,
            source,
            PgInterval { months: 0, days: 0, microseconds },
            i64::from(limit)
        )
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(ids)
    }

    /// The stored values of these records, in the order of their IDs. Unknown records are left out.
    pub async fn stored_records(
        &self,
        source: &str,
        ids: &[String],
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let records = sqlx::query_as!(
            StoredRecord,
            r#"select external_id, content_hash, version_at, ticket from source_record
               where source = $1 and external_id = any ($2) order by external_id"#,
            source,
            ids
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(records)
    }
}
