//! Tables `import_run` and `import_seen`: how far a file of records was read, and which records it has.

use time::OffsetDateTime;
use uuid::Uuid;

use super::take::{HandOver, RecordVersion, Taken, standing, take};
use crate::{Store, StoreError};

/// A run of `import` that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRun {
    /// Its ID.
    pub run_id: Uuid,
    /// When it began: the version of each record that it writes.
    pub started_at: OffsetDateTime,
    /// Rows that are done, bad ones included.
    pub rows: i64,
    /// Bad ones among them.
    pub bad_rows: i64,
    /// Bad rows whose ID cannot be read.
    pub nameless_rows: i64,
}

/// What a row of a file means for its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// No record has its ID.
    New,
    /// The record has another content, or was removed.
    Changed,
    /// The record has this content.
    Unchanged,
    /// An earlier row of the run has the same ID with another content.
    Twice,
    /// The record was handed over later than the run began.
    Newer,
    /// The record's versions are whole numbers, and the file has none.
    OtherKind,
}

impl Store {
    /// Resumes the unfinished run of these files, or begins one. An unfinished run of other files is dropped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_import(
        &self,
        source: &str,
        files: &str,
        whole: bool,
    ) -> Result<ImportRun, StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "delete from import_run where source = $1 and finished_at is null and (files <> $2 or whole <> $3)",
            source,
            files,
            whole
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            r#"insert into import_run (run_id, source, files, whole) values ($1, $2, $3, $4)
               on conflict (source) where finished_at is null do nothing"#,
            Uuid::now_v7(),
            source,
            files,
            whole
        )
        .execute(&mut *transaction)
        .await?;
        let run = sqlx::query_as!(
            ImportRun,
            r#"select run_id, started_at, rows, bad_rows, nameless_rows from import_run
               where source = $1 and finished_at is null"#,
            source
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(run)
    }

    /// A run that is not stored, for a comparison: it begins now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn planned_import(&self) -> Result<ImportRun, StoreError> {
        let started_at = sqlx::query_scalar!(r#"select now() as "now!""#).fetch_one(&self.pool).await?;
        Ok(ImportRun { run_id: Uuid::now_v7(), started_at, rows: 0, bad_rows: 0, nameless_rows: 0 })
    }

    /// The rows of the last finished run of the source that was whole.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_whole_import(&self, source: &str) -> Result<Option<i64>, StoreError> {
        let rows = sqlx::query_scalar!(
            r#"select rows - bad_rows as "rows!" from import_run
               where source = $1 and whole and finished_at is not null order by finished_at desc limit 1"#,
            source
        );
        Ok(rows.fetch_optional(&self.pool).await?)
    }

    /// What records of a run that began at `started_at` mean, in their order. Writes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn compare_import(
        &self,
        source: &str,
        records: &[HandOver],
        started_at: OffsetDateTime,
    ) -> Result<Vec<Difference>, StoreError> {
        let mut connection = self.pool.begin().await?;
        let all: Vec<&HandOver> = records.iter().collect();
        let known = standing(&mut connection, source, &all).await?;
        let differs = |record: &HandOver| match known.get(&record.record_id) {
            None => Difference::New,
            Some(stored) => match (stored.compare(record), stored.has_content_of(record)) {
                (Taken::OtherKind, _) => Difference::OtherKind,
                // The run has written it, and was killed before it was announced, as far as is known.
                (Taken::Same, _) if stored.version_at == Some(started_at) => Difference::Changed,
                (_, true) => Difference::Unchanged,
                (Taken::Conflict, false) => Difference::Twice,
                (Taken::Older, false) if stored.version_at > Some(started_at) => Difference::Newer,
                (_, false) => Difference::Changed,
            },
        };
        Ok(records.iter().map(differs).collect())
    }

    /// Writes records of a run, and notes which IDs the files have: both or none. Returns what became of each record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn import_records(
        &self,
        source: &str,
        run: &ImportRun,
        records: &[HandOver],
        seen: &[String],
    ) -> Result<Vec<Taken>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let taken = take(&mut transaction, source, records, Some(run.run_id)).await?;
        sqlx::query!(
            r#"insert into import_seen (run_id, record_id) select $1, unnest($2::text[]) on conflict do nothing"#,
            run.run_id,
            seen
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(taken)
    }

    /// Stores how far a run has come.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn move_import(&self, run: &ImportRun) -> Result<(), StoreError> {
        sqlx::query!(
            "update import_run set rows = $2, bad_rows = $3, nameless_rows = $4 where run_id = $1",
            run.run_id,
            run.rows,
            run.bad_rows,
            run.nameless_rows
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Removals of records that the files of a run lack, at most `limit`, in the order of their IDs, behind `after`. Records that were
    /// handed over later than the run began, and those with whole numbers as versions, are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn absent_from_import(
        &self,
        source: &str,
        run: &ImportRun,
        after: &str,
        limit: u32,
    ) -> Result<Vec<HandOver>, StoreError> {
        let mut transaction = self.pool.begin_long().await?;
        let ids = sqlx::query_scalar!(
            r#"select record_id from handed_over_record stored
               where source = $1 and record_id > $2 and version_at <= $3 and (not removed or import_run = $4)
                 and not exists (select from import_seen seen
                                 where seen.run_id = $4 and seen.record_id = stored.record_id)
               order by record_id limit $5"#,
            source,
            after,
            run.started_at,
            run.run_id,
            i64::from(limit)
        )
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let version = RecordVersion::At(run.started_at);
        Ok(ids.into_iter().map(|record_id| HandOver { record_id, version, content: None }).collect())
    }

    /// Ends a run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finish_import(&self, run: &ImportRun) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_long().await?;
        sqlx::query!("update import_run set finished_at = now() where run_id = $1", run.run_id)
            .execute(&mut *transaction)
            .await?;
        sqlx::query!("delete from import_seen where run_id = $1", run.run_id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}
