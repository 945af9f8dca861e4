//! Table `resync_run`: runs of resync-enqueuer that are under way, or were interrupted and go on where they were.
//!
//! A run gathers its records (`resync_item`), passes the guard, and sends them; each step commits how far it came. There
//! is one run for a source and an origin: who begins it while it is there goes on with it.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::records::source_cursor::put_cursor;
use crate::{Store, StoreError};

/// A run, and how far it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResyncRun {
    /// Its ID.
    pub run_id: Uuid,
    /// What it was asked for, when it began.
    pub arguments: String,
    /// Where the reading of the provider's pages goes on. `None`: at the beginning.
    pub cursor: Option<String>,
    /// Pages that were read.
    pub pages: i64,
    /// How many records the provider said that it has.
    pub total: Option<i64>,
    /// Why the listing does not prove that what it lacks is gone.
    pub unproven: Option<String>,
    /// When every page had been read.
    pub read_at: Option<OffsetDateTime>,
    /// When the guard let it pass.
    pub passed_at: Option<OffsetDateTime>,
    /// Items up to this position were sent.
    pub sent_through: i64,
    /// When it began.
    pub started_at: OffsetDateTime,
    /// When it last came any further.
    pub moved_at: OffsetDateTime,
}

/// What else is to be done with the end of a run, in one transaction with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// Nothing.
    Nothing,
    /// A feed was read: its cursor moves.
    MoveCursor {
        /// What the feed is about.
        entity: &'static str,
        /// How far it was read.
        cursor: String,
    },
    /// The source's request for a resync was served, unless it was made again since the run began.
    ServeRequest,
}

impl Store {
    /// Begins a run, or goes on with the one that is there, which keeps its own `arguments`. One that did not move for
    /// `abandoned_after_secs` is begun anew: what it gathered is too old. `None`: what it gathered does not age.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn begin_resync_run(
        &self,
        source: &str,
        origin: &str,
        arguments: &str,
        abandoned_after_secs: Option<i64>,
    ) -> Result<ResyncRun, StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query!("select set_config('statement_timeout', '0', true)")
            .fetch_one(&mut *transaction)
            .await?;
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

    /// Forgets a run, with what it gathered. Whoever is at it notices by its next step.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn drop_resync_run(&self, source: &str, origin: &str) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query!("select set_config('statement_timeout', '0', true)")
            .fetch_one(&mut *transaction)
            .await?;
        sqlx::query!("delete from resync_run where source = $1 and origin = $2", source, origin)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Every page has been read. False: the run is no longer there. Said again it changes nothing: how old the run's
    /// records are is counted from the first time.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn end_resync_reading(&self, run_id: Uuid, unproven: Option<&str>) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            r#"update resync_run set read_at = coalesce(read_at, now()), unproven = coalesce(unproven, $2),
                   moved_at = case when read_at is null then now() else moved_at end
               where run_id = $1"#,
            run_id,
            unproven
        );
        Ok(done.execute(&self.pool).await?.rows_affected() == 1)
    }

    /// Items up to a position were sent. False: the run is no longer there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn move_resync_run(&self, run_id: Uuid, sent_through: i64) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            r#"update resync_run set sent_through = greatest(sent_through, $2), moved_at = now() where run_id = $1"#,
            run_id,
            sent_through
        );
        Ok(done.execute(&self.pool).await?.rows_affected() == 1)
    }

    /// Ends a run: nothing of it is left. False: it was no longer there, or another process has added records to it that
    /// are not sent, and nothing was done.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn end_resync_run(&self, run_id: Uuid, end: &RunEnd) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query!("select set_config('statement_timeout', '0', true)")
            .fetch_one(&mut *transaction)
            .await?;
        // Locked before its records are looked at: whoever adds some locks it too.
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
