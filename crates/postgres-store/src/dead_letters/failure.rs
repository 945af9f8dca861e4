//! Table `message_failure`: the failed attempts at each message, until it succeeds. It decides when a message has failed too
//! often, because SQS's receive count also rises with crashes, rollouts, lost replies and views in the console. An attempt that
//! fails while the provider is known to be down is not recorded here.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{Store, StoreError};

/// One failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// SQS's ID of the message.
    pub message_id: String,
    /// The kind of failure, from a fixed list: `timeout`, `panic`.
    pub class: String,
    /// What failed, without any personal value.
    pub detail: String,
    /// How long ago another record last went the same way.
    pub witness_ago: Option<Duration>,
}

/// The ledger's entry for a message after an attempt was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedFailure {
    /// Failed attempts so far, including this one.
    pub attempts: u32,
    /// Those of them with the class of this one.
    pub of_class: u32,
    /// Those of them that have a witness: another record went the same way after the last failure of the same class.
    pub witnessed: u32,
    /// Those with a witness and the class of this one.
    pub witnessed_of_class: u32,
    /// When the first of them failed.
    pub first_failed_at: OffsetDateTime,
}

/// One row of the ledger of failed attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedFailure {
    /// When the attempt failed.
    pub failed_at: OffsetDateTime,
    /// The kind of failure.
    pub class: String,
    /// What failed, without any personal value.
    pub detail: String,
    /// The version of the worker.
    pub worker_version: String,
}

impl Store {
    /// Adds failed attempts at messages of `queue`, and returns the count for each, in the same order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: then nothing was counted.
    pub async fn record_failures(
        &self,
        queue: &str,
        worker_version: &str,
        failures: &[FailedAttempt],
    ) -> Result<Vec<RecordedFailure>, StoreError> {
        // A text that Postgres cannot store must not prevent the other failures from being counted.
        let column = |field: fn(&FailedAttempt) -> &String| -> Vec<String> {
            failures.iter().map(|failure| field(failure).replace('\0', "\u{fffd}")).collect()
        };
        let witness_ago: Vec<Option<f64>> =
            failures.iter().map(|failure| failure.witness_ago.map(|ago| ago.as_secs_f64())).collect();
        // A statement does not see the rows that it inserts itself, so these are added.
        let rows = sqlx::query!(
            r#"with failed as (
                   select * from unnest($3::text[], $4::text[], $5::text[], $6::float8[])
                       as failed (message_id, class, detail, witness_ago)),
               added as (
                   insert into message_failure (queue, worker_version, message_id, class, detail, witnessed)
                   select $1, $2, message_id, class, detail,
                          coalesce((select max(earlier.failed_at) from message_failure earlier
                                    where earlier.queue = $1 and earlier.message_id = failed.message_id
                                      and earlier.class = failed.class) < now() - make_interval(secs => witness_ago), false)
                   from failed
                   returning message_id, class, failed_at, witnessed),
               noted as (
                   select * from added
                   union all
                   select earlier.message_id, earlier.class, earlier.failed_at, earlier.witnessed
                   from message_failure earlier
                   where earlier.queue = $1 and earlier.message_id = any ($3))
               select this.message_id as "message_id!", this.class as "class!",
                      count(*) as "attempts!",
                      count(*) filter (where noted.class = this.class) as "of_class!",
                      count(*) filter (where noted.witnessed) as "witnessed!",
                      count(*) filter (where noted.witnessed and noted.class = this.class) as "witnessed_of_class!",
                      min(noted.failed_at) as "first!"
               from (select distinct message_id, class from added) this join noted using (message_id)
               group by this.message_id, this.class"#,
            queue,
            worker_version,
            &column(|failure| &failure.message_id),
            &column(|failure| &failure.class),
            &column(|failure| &failure.detail),
            &witness_ago as &[Option<f64>]
        )
        .fetch_all(&self.pool)
        .await?;
        let recorded = failures.iter().filter_map(|failure| {
            let row =
                rows.iter().find(|row| row.message_id == failure.message_id && row.class == failure.class)?;
            let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
            Some(RecordedFailure {
                attempts: count(row.attempts),
                of_class: count(row.of_class),
                witnessed: count(row.witnessed),
                witnessed_of_class: count(row.witnessed_of_class),
                first_failed_at: row.first,
            })
        });
        Ok(recorded.collect())
    }

    /// The failed attempts at a message of `queue`, oldest first.
    pub async fn noted_failures(
        &self,
        queue: &str,
        message_id: &str,
    ) -> Result<Vec<NotedFailure>, StoreError> {
        let rows = sqlx::query_as!(
            NotedFailure,
            r#"select failed_at, class, detail, worker_version from message_failure
               where queue = $1 and message_id = $2 order by failure_id"#,
            queue,
            message_id
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// Deletes the failures of messages that succeeded.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: the rows stay. They do no harm, since SQS never reuses the ID of a message.
    pub async fn forget_failures(&self, queue: &str, message_ids: &[String]) -> Result<(), StoreError> {
        sqlx::query!(
            "delete from message_failure where queue = $1 and message_id = any ($2)",
            queue,
            message_ids
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
