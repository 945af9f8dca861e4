//! Table `resync_run`: runs of resync-enqueuer that are in progress or were interrupted. A run gathers its records
//! (`resync_item`), passes the deletion guard, and sends them. Each step commits its progress. There is one run for a source
//! and an origin: a second process resumes it.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::records::source_cursor::put_cursor;
use crate::{Store, StoreError};

/// A run and its progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResyncRun {
    /// Its ID.
    pub run_id: Uuid,
    /// Its arguments, from the process that began it.
    pub arguments: String,
    /// Where to continue in the provider's pages. `None`: at the first page.
    pub cursor: Option<String>,
    /// Pages that were read.
    pub pages: i64,
    /// The number of records according to the provider.
    pub total: Option<i64>,
    /// Why the absence of a record from the listing does not prove that it is gone.
    pub unproven: Option<String>,
    /// When the last page was read.
    pub read_at: Option<OffsetDateTime>,
    /// When the deletion guard passed.
    pub passed_at: Option<OffsetDateTime>,
    /// Items up to this position have been sent.
    pub sent_through: i64,
    /// When it began.
    pub started_at: OffsetDateTime,
    /// When it last made progress.
    pub moved_at: OffsetDateTime,
}

/// What to do in the transaction that ends a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// Nothing.
    Nothing,
    /// Move the cursor of the feed that was read.
    MoveCursor {
        /// What the feed covers.
        entity: &'static str,
        /// The new position.
        cursor: String,
    },
    /// Delete the source's request for a resync, unless it was made again since the run began.
    ServeRequest,
}

impl Store {
    /// Begins a run, or resumes the existing one, which keeps its own `arguments`. A run without progress for
    /// `abandoned_after_secs` is replaced, because its records are too old. `None`: they do not age.
    pub async fn begin_resync_run(
        &self,
        source: &str,
        origin: &str,
        arguments: &str,
        abandoned_after_secs: Option<i64>,
    ) -> Result<ResyncRun, StoreError> {
        // With a long time limit: the deletion of a run deletes its items too.
        let mut transaction = self.pool.begin_long().await?;
        sqlx::query!(
            r#"delete from resync_run
               where source = $1 and origin = $2 and moved_at < now() - make_interval(secs => $3::bigint::float8)"#,
            source,
            origin,
            abandoned_after_secs
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            r#"insert into resync_run (run_id, source, origin, arguments) values ($1, $2, $3, $4)
               on conflict (source, origin) do nothing"#,
            Uuid::now_v7(),
            source,
            origin,
            arguments
        )
        .execute(&mut *transaction)
        .await?;
        let run = sqlx::query_as!(
            ResyncRun,
            r#"select run_id, arguments, cursor, pages, total, unproven, read_at, passed_at, sent_through, started_at, moved_at
               from resync_run where source = $1 and origin = $2"#,
            source,
            origin
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(run)
    }

    /// Deletes a run with its records. A process that works on it notices at its next step.
    pub async fn drop_resync_run(&self, source: &str, origin: &str) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_long().await?;
        sqlx::query!("delete from resync_run where source = $1 and origin = $2", source, origin)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Records that the last page was read. `false`: the run no longer exists.
    pub async fn end_resync_reading(&self, run_id: Uuid, unproven: Option<&str>) -> Result<bool, StoreError> {
        // A second call changes nothing: the age of the run's records counts from the first.
        let done = sqlx::query!(
            r#"update resync_run set read_at = coalesce(read_at, now()), unproven = coalesce(unproven, $2),
                   moved_at = case when read_at is null then now() else moved_at end
               where run_id = $1"#,
            run_id,
            unproven
        );
        Ok(done.execute(&self.pool).await?.rows_affected() == 1)
    }

    /// Records that items up to a position were sent. `false`: the run no longer exists.
    pub async fn move_resync_run(&self, run_id: Uuid, sent_through: i64) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            r#"update resync_run set sent_through = greatest(sent_through, $2), moved_at = now() where run_id = $1"#,
            run_id,
            sent_through
        );
        Ok(done.execute(&self.pool).await?.rows_affected() == 1)
    }

    /// Ends a run and deletes it. `false`, and nothing is done: it no longer exists, or another process has added unsent
    /// records.
    pub async fn end_resync_run(&self, run_id: Uuid, end: &RunEnd) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin_long().await?;
        // Locked before the check of its records: a process that adds records locks it too.
        let run = sqlx::query!(
            "select source, started_at, sent_through from resync_run where run_id = $1 for update",
            run_id
        );
        let Some(run) = run.fetch_optional(&mut *transaction).await? else { return Ok(false) };
        let ended = sqlx::query!(
            r#"delete from resync_run where run_id = $1
               and not exists (select from resync_item where run_id = $1 and position > $2)"#,
            run_id,
            run.sent_through
        );
        if ended.execute(&mut *transaction).await?.rows_affected() == 0 {
            return Ok(false);
        }
        match end {
            RunEnd::Nothing => {}
            RunEnd::MoveCursor { entity, cursor } => {
                put_cursor(&mut transaction, &run.source, entity, cursor).await?;
            }
            RunEnd::ServeRequest => {
                sqlx::query!(
                    "delete from resync_request where source = $1 and requested_at < $2",
                    run.source,
                    run.started_at
                )
                .execute(&mut *transaction)
                .await?;
            }
        }
        transaction.commit().await?;
        Ok(true)
    }
}
