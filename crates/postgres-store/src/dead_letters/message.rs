//! Table `dead_lettered_message`: copies of dead-lettered messages, made before an operator redrives or drops them. Copies stay
//! for [`KEPT`], and so do plans and the ledger of failed attempts.

use std::collections::BTreeMap;

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::{Store, StoreError};

/// How long copies, plans and failed attempts are kept: longer than SQS keeps any message (14 days).
pub const KEPT: Duration = Duration::days(90);

/// A message as it is in the dead-letter queue. Its body may be a partner's whole event: no `Debug`.
#[derive(Clone)]
pub struct DeadLetteredCopy {
    /// SQS's ID of the message in the dead-letter queue.
    pub message_id: String,
    /// The body.
    pub body: String,
    /// String attributes.
    pub attributes: BTreeMap<String, String>,
    /// When the message was first sent.
    pub sent_at: OffsetDateTime,
}

/// A copy, and what happened to its message.
pub struct KeptMessage {
    /// The copy.
    pub message: DeadLetteredCopy,
    /// `redriven` or `dropped`. `None`: the message is still in the queue, as far as we know.
    pub resolution: Option<String>,
    /// When it was resolved.
    pub resolved_at: Option<OffsetDateTime>,
}

impl Store {
    /// Keeps copies of messages of `queue`. A copy that exists stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] for a NUL, which no SQS message can contain.
    pub async fn keep_messages(&self, queue: &str, messages: &[DeadLetteredCopy]) -> Result<(), StoreError> {
        let column = |field: fn(&DeadLetteredCopy) -> &String| -> Vec<String> {
            messages.iter().map(|message| field(message).clone()).collect()
        };
        let attributes: Vec<Value> = messages
            .iter()
            .map(|message| {
                message.attributes.iter().map(|(name, value)| (name.clone(), value.clone().into()))
            })
            .map(|entries| Value::Object(entries.collect()))
            .collect();
        let sent_at: Vec<OffsetDateTime> = messages.iter().map(|message| message.sent_at).collect();
        sqlx::query!(
            r#"insert into dead_lettered_message (queue, message_id, body, attributes, sent_at)
               select $1, * from unnest($2::text[], $3::text[], $4::jsonb[], $5::timestamptz[])
               on conflict (queue, message_id) do nothing"#,
            queue,
            &column(|message| &message.message_id),
            &column(|message| &message.body),
            &attributes,
            &sent_at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The copy of a message, by SQS's ID of it in the dead-letter queue.
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
            message: DeadLetteredCopy {
                message_id: message_id.to_owned(),
                body: row.body,
                attributes: text_attributes(&row.attributes),
                sent_at: row.sent_at,
            },
            resolution: row.resolution,
            resolved_at: row.resolved_at,
        }))
    }

    /// Deletes copies, plans and failed attempts that are older than [`KEPT`].
    pub async fn forget_old_messages(&self) -> Result<(), StoreError> {
        let before = OffsetDateTime::now_utc() - KEPT;
        // Resolved or not: SQS deleted the message itself long ago, and a copy may be a partner's whole event.
        sqlx::query!("delete from dead_lettered_message where copied_at < $1", before)
            .execute(&self.pool)
            .await?;
        sqlx::query!("delete from redrive_plan where created_at < $1", before).execute(&self.pool).await?;
        sqlx::query!("delete from message_failure where failed_at < $1", before).execute(&self.pool).await?;
        Ok(())
    }
}

pub(crate) fn text_attributes(attributes: &Value) -> BTreeMap<String, String> {
    let entries = attributes.as_object().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
