//! Table `ingress_outbox`: events from webhooks that the bus did not take when they arrived. Leases work as in `outbox`. A row
//! contains IDs and our own words; no column can hold any other part of a webhook.

use std::time::Duration;

use event_contract::{IngressChange, IngressEvent};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::lease::{lease_rows, outbox_methods};
use crate::{Store, StoreError};

/// An event that waits for the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressRow {
    /// Our ID of it.
    pub event_id: Uuid,
    /// `coppice.ingress.<provider>`.
    pub source: String,
    /// The provider's name of the kind of event, where we know it.
    pub detail_type: String,
    /// What is published.
    pub event: IngressEvent,
}

impl Store {
    /// Keeps events until a relay has published them: all of them or none.
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
        let accounts: Vec<Option<String>> = rows.iter().map(|row| row.event.account.clone()).collect();
        sqlx::query!(
            r#"insert into ingress_outbox (event_id, source, detail_type, ids, change, not_before, account)
               select event_id, source, detail_type, array(select jsonb_array_elements_text(ids)), change, not_before, account
               from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::timestamptz[], $7::text[])
                    as given (event_id, source, detail_type, ids, change, not_before, account)"#,
            &event_ids,
            &column(|row| &row.source),
            &column(|row| &row.detail_type),
            &ids,
            &column(|row| stored(row.event.change)),
            &not_before as &[Option<OffsetDateTime>],
            &accounts as &[Option<String>]
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Leases up to `limit` events for `lease`, in the order of [`Store::lease_announcements`].
    pub async fn lease_ingress_events(
        &self,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<IngressRow>, StoreError> {
        let rows = lease_rows!(
            "ingress_outbox",
            "source, detail_type, ids, change, not_before, account",
            self,
            limit,
            lease
        )
        .await?;
        let mut leased = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(change) = read(&row.change) else {
                // Written by a newer version: that version's relay publishes it when this lease has expired.
                tracing::warn!(event_id = %row.event_id, "ingress outbox row is of a newer form, left to a newer relay");
                continue;
            };
            let event =
                IngressEvent { ids: row.ids, change, not_before: row.not_before, account: row.account };
            let (event_id, source, detail_type) = (row.event_id, row.source, row.detail_type);
            leased.push(IngressRow { event_id, source, detail_type, event });
        }
        leased.sort_by_key(|row| row.event_id);
        Ok(leased)
    }
}

outbox_methods!("ingress_outbox", remove_ingress_events, release_ingress_events, ingress_outbox_depth);

/// The value of column `change`, which is also that of the event's JSON.
const fn stored(change: IngressChange) -> &'static str {
    match change {
        IngressChange::Changed => "changed",
        IngressChange::Deleted => "deleted",
        IngressChange::Missed => "missed",
    }
}

fn read(change: &str) -> Option<IngressChange> {
    let all = [IngressChange::Changed, IngressChange::Deleted, IngressChange::Missed];
    all.into_iter().find(|known| stored(*known) == change)
}
