//! Which records an audit looks at, and what is stored of them. Reads only.
//!
//! In: a source's name. Out: IDs, and of each record what tells whether it is as its source says; none of its content.
//! Must not know: what an audit does with it.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;
use time::OffsetDateTime;

use crate::{Store, StoreError};

/// When much has changed within a day, the newest of it are found by reading all of it. Longer than the limit of other
/// statements, which nobody waits for here.
const PATIENT_TIMEOUT: &str = "set local statement_timeout = '10min'";

/// A record as it is stored. Two that are equal are the same reading of the same content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The source's ID of it.
    pub external_id: String,
    /// SHA-256 of its content, as [`crate::RecordState::content_hash`] has it. `None`: it is stored as gone.
    pub content_hash: Option<Vec<u8>>,
    /// The source's own version of it.
    pub version_at: Option<OffsetDateTime>,
    /// Ticket of the last refetch that wrote it.
    pub ticket: i64,
}

impl Store {
    /// IDs of up to `count` records of a source, tombstones included: a simple random sample without replacement, all of
    /// them when there are no more. `start` decides which: draw it anew for each sample, from all numbers alike.
    ///
    /// Records are ordered by a hash of their ID, which has nothing to do with what is in them or when they came; the
    /// sample is the run of neighbours from `start` on, round the end. So it costs one range of an index, however many
    /// records there are. `tablesample system` would take whole pages, whose rows came together and fail together;
    /// `bernoulli` reads the whole table; the next ID after a random one favours those that follow a gap.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn sample_records(
        &self,
        source: &str,
        start: i64,
        count: u32,
    ) -> Result<Vec<String>, StoreError> {
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

    /// IDs of a source's records whose content changed here within `age`, the newest first, up to `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn records_changed_within(
        &self,
        source: &str,
        age: Duration,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let microseconds = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        let mut transaction = self.pool.begin().await?;
        sqlx::query(PATIENT_TIMEOUT).execute(&mut *transaction).await?;
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

    /// What is stored of these records, in the order of their IDs. One that is not stored is left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
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
