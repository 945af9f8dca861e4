//! Table `dead_lettered_message`: copies of dead-lettered messages, made before an operator redrives or drops them. Copies stay
//! until [`Store::delete_expired`].

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;

use crate::{Store, StoreError};

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
}

pub(crate) fn text_attributes(attributes: &Value) -> BTreeMap<String, String> {
    let entries = attributes.as_object().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
