//! Tables `redrive_plan`, `redrive_item`, `redrive_message`: plans for dead-lettered messages, and their progress.
//!
//! A redrive is safe to kill and to run again: the job sends an item, records it as sent, and only then may delete its
//! messages. After a kill between the first two steps, one batch is sent a second time. No message is deleted that was not
//! sent.

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::message::{DeadLetteredCopy, text_attributes};
use crate::{Store, StoreError};

/// What a plan does with its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedriveAction {
    /// Sends one message for each subject back to its queue, then deletes the dead-lettered messages.
    Redrive,
    /// Deletes them. A copy is kept.
    Drop,
}

impl RedriveAction {
    const fn name(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::Drop => "drop",
        }
    }

    const fn resolution(self) -> &'static str {
        match self {
            Self::Redrive => "redriven",
            Self::Drop => "dropped",
        }
    }
}

/// A plan, without its messages.
#[derive(Debug, Clone, PartialEq)]
pub struct RedrivePlan {
    /// Its ID.
    pub plan_id: Uuid,
    /// The unit's name, or `undelivered`.
    pub queue: String,
    /// What to do with the messages.
    pub action: RedriveAction,
    /// The filter that selected the messages.
    pub selection: Value,
    /// Who decided.
    pub author: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// Dead-lettered messages about one subject, for which one message is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedriveItem {
    /// Travels with the message.
    pub item_id: Uuid,
    /// The dead-lettered message whose body is sent.
    pub message_id: String,
    /// SQS's IDs of all its messages, including that one.
    pub message_ids: Vec<String>,
}

/// An item that has not been sent. Its body may be a partner's whole event: no `Debug`.
pub struct UnsentItem {
    /// Travels with the message.
    pub item_id: Uuid,
    /// The message to send.
    pub message: DeadLetteredCopy,
}

/// The progress of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RedriveProgress {
    /// Messages of the plan.
    pub messages: i64,
    /// Of these, deleted from the DLQ.
    pub messages_deleted: i64,
    /// What the plan sends: messages about one record are one item.
    pub items: i64,
    /// Of these, sent.
    pub items_sent: i64,
    /// Of those, handled.
    pub items_handled: i64,
    /// Of those, dead-lettered again.
    pub items_dead_lettered: i64,
}

/// What the job may do with a message that it finds in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageStanding {
    /// The message is not part of this plan.
    Foreign,
    /// Its item has not been sent.
    Waits,
    /// The job may delete it.
    Deletable,
}

/// The exclusive right to change one dead-letter queue, until it is dropped or its process dies.
pub struct RedriveLock {
    // Detached from the pool, in an open transaction. The lock belongs to the transaction and not to the session, which a pooler may
    // give to another process. It ends with the connection.
    _transaction: sqlx::PgConnection,
}

impl Store {
    /// Takes the right to redrive or drop messages of a queue. `None`: another process has it.
    pub async fn lock_redrive(&self, queue: &str) -> Result<Option<RedriveLock>, StoreError> {
        let mut transaction = self.pool.begin_lasting().await?;
        let locked = sqlx::query_scalar!(
            r#"select pg_try_advisory_xact_lock(hashtext('redrive'), hashtext($1)) as "locked!""#,
            queue
        )
        .fetch_one(&mut *transaction)
        .await?;
        Ok(locked.then(|| RedriveLock { _transaction: transaction.detach() }))
    }

    /// Stores a plan, completely or not at all. Copies of its messages must exist.
    pub async fn create_redrive_plan(
        &self,
        plan: &RedrivePlan,
        items: &[RedriveItem],
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            r#"insert into redrive_plan (plan_id, queue, action, selection, author, reason)
               values ($1, $2, $3, $4, $5, $6)"#,
            plan.plan_id,
            plan.queue,
            plan.action.name(),
            plan.selection,
            plan.author,
            plan.reason
        )
        .execute(&mut *transaction)
        .await?;
        let item_ids: Vec<Uuid> = items.iter().map(|item| item.item_id).collect();
        let heads: Vec<String> = items.iter().map(|item| item.message_id.clone()).collect();
        sqlx::query!(
            r#"insert into redrive_item (item_id, plan_id, position, message_id)
               select item_id, $1, position, message_id
               from unnest($2::uuid[], $3::text[]) with ordinality as new (item_id, message_id, position)"#,
            plan.plan_id,
            &item_ids,
            &heads
        )
        .execute(&mut *transaction)
        .await?;
        let messages =
            items.iter().flat_map(|item| item.message_ids.iter().map(|id| (item.item_id, id.clone())));
        let (of, ids): (Vec<Uuid>, Vec<String>) = messages.unzip();
        sqlx::query!(
            r#"insert into redrive_message (plan_id, item_id, message_id)
               select $1, * from unnest($2::uuid[], $3::text[])"#,
            plan.plan_id,
            &of,
            &ids
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// A plan. `None`: it does not exist, or no longer.
    pub async fn redrive_plan(&self, plan_id: Uuid) -> Result<Option<RedrivePlan>, StoreError> {
        let row = sqlx::query!(
            "select queue, action, selection, author, reason from redrive_plan where plan_id = $1",
            plan_id
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| RedrivePlan {
            plan_id,
            queue: row.queue,
            action: if row.action == "drop" { RedriveAction::Drop } else { RedriveAction::Redrive },
            selection: row.selection,
            author: row.author,
            reason: row.reason,
        }))
    }

    /// The progress of a plan.
    pub async fn redrive_progress(&self, plan_id: Uuid) -> Result<RedriveProgress, StoreError> {
        let progress = sqlx::query_as!(
            RedriveProgress,
            r#"select message.messages as "messages!", message.deleted as "messages_deleted!", item.items as "items!",
                      item.sent as "items_sent!", item.handled as "items_handled!", item.dead_lettered as "items_dead_lettered!"
               from (select count(*) as messages,
                            count(*) filter (where message.deleted_at is not null or copy.resolution is not null) as deleted
                     from redrive_message message join redrive_plan plan using (plan_id)
                     left join dead_lettered_message copy on copy.queue = plan.queue and copy.message_id = message.message_id
                     where message.plan_id = $1) message,
                    (select count(*) as items, count(sent_at) as sent,
                            count(*) filter (where ended = 'handled') as handled,
                            count(*) filter (where ended = 'dead_lettered') as dead_lettered
                     from redrive_item where plan_id = $1 and ended is distinct from 'elsewhere') item"#,
            plan_id
        );
        Ok(progress.fetch_one(&self.pool).await?)
    }

    /// The next items to send, in the plan's order. First ends the items whose messages another plan has all resolved.
    pub async fn unsent_redrive_items(
        &self,
        plan: &RedrivePlan,
        limit: i64,
    ) -> Result<Vec<UnsentItem>, StoreError> {
        // An item is sent while one of its messages is unresolved: an operator who dropped another message of the item has not
        // decided about this one.
        sqlx::query!(
            r#"update redrive_item item set sent_at = now(), ended = 'elsewhere', ended_at = now()
               where item.plan_id = $1 and item.sent_at is null
                 and not exists (
                     select from redrive_message message
                     join dead_lettered_message copy on copy.queue = $2 and copy.message_id = message.message_id
                     where message.item_id = item.item_id and copy.resolution is null)"#,
            plan.plan_id,
            plan.queue
        )
        .execute(&self.pool)
        .await?;
        let rows = sqlx::query!(
            r#"select item.item_id, item.message_id, copy.body, copy.attributes, copy.sent_at
               from redrive_item item
               join dead_lettered_message copy on copy.queue = $2 and copy.message_id = item.message_id
               where item.plan_id = $1 and item.sent_at is null order by item.position limit $3"#,
            plan.plan_id,
            plan.queue,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let unsent = rows.into_iter().map(|row| UnsentItem {
            item_id: row.item_id,
            message: DeadLetteredCopy {
                message_id: row.message_id,
                body: row.body,
                attributes: text_attributes(&row.attributes),
                sent_at: row.sent_at,
            },
        });
        Ok(unsent.collect())
    }

    /// Records items as sent, after the target queue has taken them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: then they are sent a second time, which is safe.
    pub async fn note_items_sent(&self, items: &[Uuid]) -> Result<(), StoreError> {
        sqlx::query!("update redrive_item set sent_at = now() where item_id = any ($1)", items)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Records how items ended: whether each was dead-lettered again. Unknown items are ignored.
    pub async fn end_redrive_items(&self, ends: &[(Uuid, bool)]) -> Result<(), StoreError> {
        let (items, dead_lettered): (Vec<Uuid>, Vec<bool>) = ends.iter().copied().unzip();
        // `dead_lettered` is final: an event may go to several units, and one of them may have handled it.
        sqlx::query!(
            r#"update redrive_item item
               set ended = case when new.dead_lettered then 'dead_lettered' else 'handled' end, ended_at = now()
               from unnest($1::uuid[], $2::boolean[]) as new (item_id, dead_lettered)
               where item.item_id = new.item_id and item.ended is distinct from 'dead_lettered'"#,
            &items,
            &dead_lettered
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What the job may do with messages that it finds in the plan's queue, in the order of `message_ids`.
    pub async fn message_standings(
        &self,
        plan: &RedrivePlan,
        message_ids: &[String],
    ) -> Result<Vec<MessageStanding>, StoreError> {
        let rows = sqlx::query!(
            r#"select message.message_id as "message_id?", item.sent_at as "item_sent_at?"
               from unnest($2::text[]) with ordinality as met (message_id, position)
               left join redrive_message message on message.plan_id = $1 and message.message_id = met.message_id
               left join redrive_item item on item.item_id = message.item_id
               order by met.position"#,
            plan.plan_id,
            message_ids
        )
        .fetch_all(&self.pool)
        .await?;
        let standing = |sent_at: Option<OffsetDateTime>| match (plan.action, sent_at) {
            (RedriveAction::Drop, _) | (RedriveAction::Redrive, Some(_)) => MessageStanding::Deletable,
            (RedriveAction::Redrive, None) => MessageStanding::Waits,
        };
        let standings = rows.into_iter().map(|row| match row.message_id {
            Some(_) => standing(row.item_sent_at),
            None => MessageStanding::Foreign,
        });
        Ok(standings.collect())
    }

    /// Records that messages were deleted from the plan's queue.
    pub async fn note_messages_deleted(
        &self,
        plan: &RedrivePlan,
        message_ids: &[String],
    ) -> Result<(), StoreError> {
        sqlx::query!(
            r#"with deleted as (
                   update redrive_message set deleted_at = now() where plan_id = $1 and message_id = any ($3)
                   returning message_id)
               update dead_lettered_message set resolution = $4, resolved_at = now()
               from deleted
               where dead_lettered_message.queue = $2 and dead_lettered_message.message_id = deleted.message_id
                 and dead_lettered_message.resolution is null"#,
            plan.plan_id,
            plan.queue,
            message_ids,
            plan.action.resolution()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Records as deleted every message of the plan whose item was sent or that the plan drops. Call it when none of them is in
    /// the queue.
    pub async fn note_other_messages_gone(&self, plan: &RedrivePlan) -> Result<(), StoreError> {
        let gone = sqlx::query_scalar!(
            r#"select message.message_id from redrive_message message join redrive_item item using (item_id)
               where message.plan_id = $1 and message.deleted_at is null and ($2 or item.sent_at is not null)"#,
            plan.plan_id,
            plan.action == RedriveAction::Drop
        )
        .fetch_all(&self.pool)
        .await?;
        self.note_messages_deleted(plan, &gone).await
    }
}
