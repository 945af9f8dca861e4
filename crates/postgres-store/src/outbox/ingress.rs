//! Table `ingress_outbox`: events of webhooks that the bus did not take when they came.
//!
//! Claims work as in `outbox`: a relay claims rows, publishes them outside any transaction, and removes those that the
//! bus took. A row holds IDs and words of our own; nothing else of a webhook has a column.

use std::time::Duration;

use event_contract::{IngressChange, IngressEvent};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::announcement::OutboxDepth;
use crate::{Store, StoreError};

/// An event that waits for the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressRow {
    /// Our own ID of it.
    pub event_id: Uuid,
    /// `coppice.ingress.<provider>`.
    pub source: String,
    /// The provider's word for the kind of event, where it is one that we know.
    pub detail_type: String,
    /// What is published.
    pub event: IngressEvent,
}

impl Store {
    /// Keeps events until a relay has published them. Either all are safe or none.
    ///
    /// # Errors
    /// [`StoreError`]: none is kept, as far as is known.
    pub async fn keep_ingress_events(&self, rows: &[IngressRow]) -> Result<(), StoreError> {
        let event_ids: Vec<Uuid> = rows.iter().map(|row| row.event_id).collect();
        let column =
            |field: fn(&IngressRow) -> &str| rows.iter().map(|row| field(row).to_owned()).collect::<Vec<_>>();
        // An array of arrays would have to be rectangular.
        let ids: Vec<Value> = rows.iter().map(|row| Value::from(row.event.ids.clone())).collect();
        let not_before: Vec<Option<OffsetDateTime>> = rows.iter().map(|row| row.event.not_before).collect();
        sqlx::query!(
            r#"insert into ingress_outbox (event_id, source, detail_type, ids, change, not_before)
               select event_id, source, detail_type, array(select jsonb_array_elements_text(ids)), change, not_before
               from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::timestamptz[])
                    as given (event_id, source, detail_type, ids, change, not_before)"#,
            &event_ids,
            &column(|row| &row.source),
            &column(|row| &row.detail_type),
            &ids,
            &column(|row| stored(row.event.change)),
            &not_before as &[Option<OffsetDateTime>]
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Claims up to `limit` events for `claim`. Rows claimed by another relay are skipped, and the order is that of
    /// [`Store::lease_announcements`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn lease_ingress_events(
        &self,
        limit: u32,
        claim: Duration,
    ) -> Result<Vec<IngressRow>, StoreError> {
        let rows = sqlx::query!(
            r#"update ingress_outbox set leased_until = now() + make_interval(secs => $2)
               where event_id = any (array(
                   select event_id from ingress_outbox where leased_until <= now()
                   order by leased_until, event_id limit $1 for update skip locked))
               returning event_id, source, detail_type, ids, change, not_before"#,
            i64::from(limit),
            claim.as_secs_f64()
        )
        .fetch_all(&self.pool)
        .await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(change) = read(&row.change) else {
                // Written by a newer version: its own relay publishes it when this claim lapses.
                tracing::warn!(event_id = %row.event_id, "ingress outbox row is of a newer form, left to a newer relay");
                continue;
            };
            let event = IngressEvent { ids: row.ids, change, not_before: row.not_before };
            let (event_id, source, detail_type) = (row.event_id, row.source, row.detail_type);
            claimed.push(IngressRow { event_id, source, detail_type, event });
        }
        claimed.sort_by_key(|row| row.event_id);
        Ok(claimed)
    }

    /// Removes events that the bus has taken.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: they will be published once more, which consumers must bear anyway.
    pub async fn remove_ingress_events(&self, event_ids: &[Uuid]) -> Result<(), StoreError> {
        sqlx::query!("delete from ingress_outbox where event_id = any ($1)", event_ids)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Gives claims back after `delay`, for events that the bus did not take.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: then the claims lapse by themselves.
    pub async fn release_ingress_events(
        &self,
        event_ids: &[Uuid],
        delay: Duration,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update ingress_outbox set leased_until = now() + make_interval(secs => $2) where event_id = any ($1)",
            event_ids,
            delay.as_secs_f64()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// How much waits, and since when.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ingress_outbox_depth(&self) -> Result<OutboxDepth, StoreError> {
        let row = sqlx::query!(
            r#"select count(*) as "waiting!", min(created_at) as oldest_at from ingress_outbox"#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(OutboxDepth { waiting: row.waiting, oldest_at: row.oldest_at })
    }
}

/// The word in column `change`: that of the event's JSON.
const fn stored(change: IngressChange) -> &'static str {
    match change {
        IngressChange::Changed => "changed",
        IngressChange::Deleted => "deleted",
    }
}

fn read(change: &str) -> Option<IngressChange> {
    [IngressChange::Changed, IngressChange::Deleted].into_iter().find(|known| stored(*known) == change)
}
