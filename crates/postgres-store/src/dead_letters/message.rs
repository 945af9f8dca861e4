//! Table `dead_letter`: copies of dead letters, taken before anything is done with them.
//!
//! What is dropped from a queue is still here for [`KEPT`], and so is what the ledger of failed attempts knows of messages
//! that are long gone.

use std::collections::BTreeMap;

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::{Store, StoreError};

/// How long copies of letters, plans and failed attempts are kept: longer than SQS keeps any letter (14 days).
pub const KEPT: Duration = Duration::days(90);

/// A letter as the dead-letter queue has it. Its body may be a partner's whole event: no `Debug`.
#[derive(Clone)]
pub struct DeadLetteredCopy {
    /// SQS's ID of the letter.
    pub message_id: String,
    /// The body.
    pub body: String,
    /// String attributes.
    pub attributes: BTreeMap<String, String>,
    /// When the message was first sent.
    pub sent_at: OffsetDateTime,
}

/// A copy, and what became of its letter.
pub struct KeptMessage {
    /// The copy.
    pub letter: DeadLetteredCopy,
    /// `redriven` or `dropped`. `None`: it is still in the queue, as far as we know.
    pub resolution: Option<String>,
    /// Since when.
    pub resolved_at: Option<OffsetDateTime>,
}

impl Store {
    /// Keeps copies of letters of `queue`. Those that are kept already stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] for a NUL, which no message of SQS can hold.
    pub async fn keep_messages(&self, queue: &str, letters: &[DeadLetteredCopy]) -> Result<(), StoreError> {
        let column = |field: fn(&DeadLetteredCopy) -> &String| -> Vec<String> {
            letters.iter().map(|letter| field(letter).clone()).collect()
        };
        let attributes: Vec<Value> = letters
            .iter()
            .map(|letter| letter.attributes.iter().map(|(name, value)| (name.clone(), value.clone().into())))
            .map(|entries| Value::Object(entries.collect()))
            .collect();
        let sent_at: Vec<OffsetDateTime> = letters.iter().map(|letter| letter.sent_at).collect();
        sqlx::query!(
            r#"insert into dead_lettered_message (queue, message_id, body, attributes, sent_at)
               select $1, * from unnest($2::text[], $3::text[], $4::jsonb[], $5::timestamptz[])
               on conflict (queue, message_id) do nothing"#,
            queue,
            &column(|letter| &letter.message_id),
            &column(|letter| &letter.body),
            &attributes,
            &sent_at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The copy of a letter, by SQS's ID of it in the dead-letter queue.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn kept_message(
        &self,
        queue: &str,
        message_id: &str,
    ) -> Result<Option<KeptMessage>, StoreError> {
        let row = sqlx::query!(
            r#"select body, attributes, sent_at, resolution, resolved_at
               from dead_lettered_message where queue = $1 and message_id = $2"#,
            queue,
            message_id
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| KeptMessage {
            letter: DeadLetteredCopy {
                message_id: message_id.to_owned(),
                body: row.body,
                attributes: text_attributes(&row.attributes),
                sent_at: row.sent_at,
            },
            resolution: row.resolution,
            resolved_at: row.resolved_at,
        }))
    }

    /// Forgets what is older than [`KEPT`]: copies of letters, plans, and failed attempts.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn forget_old_messages(&self) -> Result<(), StoreError> {
        let before = OffsetDateTime::now_utc() - KEPT;
        // Resolved or not: SQS has long deleted the letter itself, and a copy may be a partner's whole event.
        sqlx::query!("delete from dead_lettered_message where copied_at < $1", before)
            .execute(&self.pool)
            .await?;
        sqlx::query!("delete from redrive_plan where created_at < $1", before).execute(&self.pool).await?;
        sqlx::query!("delete from message_failure where failed_at < $1", before).execute(&self.pool).await?;
        Ok(())
    }
}

/// The attributes of a row.
pub(crate) fn text_attributes(attributes: &Value) -> BTreeMap<String, String> {
    let entries = attributes.as_object().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
