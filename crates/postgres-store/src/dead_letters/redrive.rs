//! Tables `redrive_plan`, `redrive_item`, `redrive_message`: what is to be done with dead letters, and how far it is.
//!
//! The order of the steps is what makes a redrive safe to kill and to run again: an item is sent, then noted as sent,
//! and only then may its letters be deleted. So a kill between the first two sends one batch a second time, and nothing
//! is ever deleted that was not sent.

use serde_json::Value;
use sqlx::PgConnection;
use sqlx::pool::PoolConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::message::{DeadLetteredCopy, text_attributes};
use crate::{Store, StoreError};

/// What is done with letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedriveAction {
    /// Sent back, one message for each subject, then deleted.
    Redrive,
    /// Deleted. A copy is kept.
    Drop,
}

impl RedriveAction {
    const fn name(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::Drop => "drop",
        }
    }

    /// What a letter is after it.
    const fn resolution(self) -> &'static str {
        match self {
            Self::Redrive => "redriven",
            Self::Drop => "dropped",
        }
    }
}

/// A plan, without its letters.
#[derive(Debug, Clone, PartialEq)]
pub struct RedrivePlan {
    /// Its ID.
    pub plan_id: Uuid,
    /// The unit's name, or `undelivered`.
    pub queue: String,
    /// What is to be done.
    pub action: RedriveAction,
    /// How the letters were chosen.
    pub selection: Value,
    /// Who decided.
    pub author: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// Letters that one message stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedriveItem {
    /// Travels with the message.
    pub item_id: Uuid,
    /// The letter whose body is sent.
    pub message_id: String,
    /// SQS's IDs of all its letters, that one included.
    pub letters: Vec<String>,
}

/// An item that waits to be sent. Its body may be a partner's whole event: no `Debug`.
pub struct UnsentItem {
    /// Travels with the message.
    pub item_id: Uuid,
    /// What is sent.
    pub letter: DeadLetteredCopy,
}

/// How far a plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "counts of what the names say")]
pub struct RedriveProgress {
    pub letters: i64,
    pub letters_deleted: i64,
    pub items: i64,
    pub items_sent: i64,
    pub items_handled: i64,
    pub items_dead: i64,
}

/// What may be done with a letter that was met in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageStanding {
    /// It is not of this plan.
    Foreign,
    /// Its item was not sent yet.
    Waits,
    /// It may be deleted.
    Deletable,
}

/// The right to change one dead-letter queue: held until it is dropped, or its process dies.
pub struct RedriveLock {
    // Detached from the pool: the lock is the session's, and ends with it.
    _session: PgConnection,
}

impl Store {
    /// Takes the right to redrive from or drop of a queue. `None`: another process has it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn lock_redrive(&self, queue: &str) -> Result<Option<RedriveLock>, StoreError> {
        let mut session = PoolConnection::detach(self.pool.acquire().await?);
        let locked = sqlx::query_scalar!(
            r#"select pg_try_advisory_lock(hashtext('redrive'), hashtext($1)) as "locked!""#,
            queue
        )
        .fetch_one(&mut session)
        .await?;
        Ok(locked.then_some(RedriveLock { _session: session }))
    }

    /// Writes a plan down, whole or not at all. Its letters must have been kept.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
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
        let letters = items.iter().flat_map(|item| item.letters.iter().map(|id| (item.item_id, id.clone())));
        let (of, ids): (Vec<Uuid>, Vec<String>) = letters.unzip();
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

    /// A plan. `None`: there is none, or no longer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
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

    /// How far a plan is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn redrive_progress(&self, plan_id: Uuid) -> Result<RedriveProgress, StoreError> {
        let progress = sqlx::query_as!(
            RedriveProgress,
            r#"select letter.letters as "letters!", letter.deleted as "letters_deleted!", item.items as "items!",
                      item.sent as "items_sent!", item.handled as "items_handled!", item.dead_lettered as "items_dead!"
               from (select count(*) as letters,
                            count(*) filter (where letter.deleted_at is not null or copy.resolution is not null) as deleted
                     from redrive_message letter join redrive_plan plan using (plan_id)
                     left join dead_lettered_message copy on copy.queue = plan.queue and copy.message_id = letter.message_id
                     where letter.plan_id = $1) letter,
                    (select count(*) as items, count(sent_at) as sent,
                            count(*) filter (where ended = 'handled') as handled,
                            count(*) filter (where ended = 'dead_lettered') as dead_lettered
                     from redrive_item where plan_id = $1 and ended is distinct from 'elsewhere') item"#,
            plan_id
        );
        Ok(progress.fetch_one(&self.pool).await?)
    }

    /// The next items to send, in the plan's order. Those all of whose letters another plan has resolved meanwhile are
    /// ended first, and not sent. As long as one letter waits, the item is sent: whoever dropped another of its letters has
    /// not decided about this one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn unsent_redrive_items(
        &self,
        plan: &RedrivePlan,
        limit: i64,
    ) -> Result<Vec<UnsentItem>, StoreError> {
        sqlx::query!(
            r#"update redrive_item item set sent_at = now(), ended = 'elsewhere', ended_at = now()
               where item.plan_id = $1 and item.sent_at is null
                 and not exists (
                     select from redrive_message letter
                     join dead_lettered_message copy on copy.queue = $2 and copy.message_id = letter.message_id
                     where letter.item_id = item.item_id and copy.resolution is null)"#,
            plan.plan_id,
            plan.queue
        )
        .execute(&self.pool)
        .await?;
        let rows = sqlx::query!(
            r#"select item.item_id, item.message_id, letter.body, letter.attributes, letter.sent_at
               from redrive_item item
               join dead_lettered_message letter on letter.queue = $2 and letter.message_id = item.message_id
               where item.plan_id = $1 and item.sent_at is null order by item.position limit $3"#,
            plan.plan_id,
            plan.queue,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let unsent = rows.into_iter().map(|row| UnsentItem {
            item_id: row.item_id,
            letter: DeadLetteredCopy {
                message_id: row.message_id,
                body: row.body,
                attributes: text_attributes(&row.attributes),
                sent_at: row.sent_at,
            },
        });
        Ok(unsent.collect())
    }

    /// Notes that the target queue has taken items.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: then they are sent once more, which is safe.
    pub async fn note_items_sent(&self, items: &[Uuid]) -> Result<(), StoreError> {
        sqlx::query!("update redrive_item set sent_at = now() where item_id = any ($1)", items)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes how items ended: whether each is dead again. Items that nobody knows are passed over, and what has died stays
    /// dead: an event may go to several units, and one of them may have handled it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn end_redrive_items(&self, ends: &[(Uuid, bool)]) -> Result<(), StoreError> {
        let (items, dead): (Vec<Uuid>, Vec<bool>) = ends.iter().copied().unzip();
        sqlx::query!(
            r#"update redrive_item item
               set ended = case when new.dead then 'dead_lettered' else 'handled' end, ended_at = now()
               from unnest($1::uuid[], $2::boolean[]) as new (item_id, dead)
               where item.item_id = new.item_id and item.ended is distinct from 'dead_lettered'"#,
            &items,
            &dead
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What may be done with letters that were met in the plan's queue, in the order of `message_ids`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn message_standings(
        &self,
        plan: &RedrivePlan,
        message_ids: &[String],
    ) -> Result<Vec<MessageStanding>, StoreError> {
        let rows = sqlx::query!(
            r#"select letter.message_id as "message_id?", item.sent_at as "item_sent_at?"
               from unnest($2::text[]) with ordinality as met (message_id, position)
               left join redrive_message letter on letter.plan_id = $1 and letter.message_id = met.message_id
               left join redrive_item item on item.item_id = letter.item_id
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

    /// Notes that letters are deleted from the plan's queue.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
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
    /// Notes that those letters of the plan are gone whose item was sent, or which were to be dropped: none of them is in
    /// the plan's queue any more.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn note_other_messages_gone(&self, plan: &RedrivePlan) -> Result<(), StoreError> {
        let gone = sqlx::query_scalar!(
            r#"select letter.message_id from redrive_message letter join redrive_item item using (item_id)
               where letter.plan_id = $1 and letter.deleted_at is null and ($2 or item.sent_at is not null)"#,
            plan.plan_id,
            plan.action == RedriveAction::Drop
        )
        .fetch_all(&self.pool)
        .await?;
        self.note_messages_deleted(plan, &gone).await
    }
}
