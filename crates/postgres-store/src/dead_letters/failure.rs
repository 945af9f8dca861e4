//! Table `message_failure`: the failed attempts at each message, until it succeeds. It decides when a message has failed too
//! often, because SQS's receive count also rises with crashes, rollouts, lost replies and views in the console. An attempt that
//! fails while the provider is known to be down is not recorded here.

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
}

/// The ledger's entry for a message after an attempt was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedFailure {
    /// Failed attempts so far, including this one.
    pub attempts: u32,
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
        // A statement does not see the rows that it inserts itself, so these are counted separately.
        let rows = sqlx::query!(
            r#"with added as (
                   insert into message_failure (queue, worker_version, message_id, class, detail)
                   select $1, $2, * from unnest($3::text[], $4::text[], $5::text[])
                   returning message_id)
               select added.message_id as "message_id!",
                      (select count(*) from message_failure earlier
                       where earlier.queue = $1 and earlier.message_id = added.message_id) + count(*) as "attempts!",
                      coalesce((select min(failed_at) from message_failure earlier
                       where earlier.queue = $1 and earlier.message_id = added.message_id), now()) as "first!"
               from added group by added.message_id"#,
            queue,
            worker_version,
            &column(|failure| &failure.message_id),
            &column(|failure| &failure.class),
            &column(|failure| &failure.detail)
        )
        .fetch_all(&self.pool)
        .await?;
        let recorded = failures.iter().filter_map(|failure| {
            let row = rows.iter().find(|row| row.message_id == failure.message_id)?;
            let attempts = u32::try_from(row.attempts).unwrap_or(u32::MAX);
            Some(RecordedFailure { attempts, first_failed_at: row.first })
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
