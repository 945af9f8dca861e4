//! Table `outbox`: announcements that committed with the change they announce.
//!
//! A relay claims rows, publishes them outside any transaction, and removes those that the bus took. A relay that dies
//! leaves its claim to lapse; another publishes the rows again: at least once, never not at all.

use std::time::Duration;

use event_contract::{Announcement, EventKind, Hop, SCHEMA_VERSION, TraceContext};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Store, StoreError};

/// What an announcement says besides the entity and its revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announce {
    /// The event that led to the reading.
    pub cause: Uuid,
    /// Hop of the announcement.
    pub hop: Hop,
    /// Its trace context.
    pub traceparent: TraceContext,
}

/// An announcement that this process may publish until its claim lapses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedAnnouncement {
    /// Its kind: the `detail-type`.
    pub kind: EventKind,
    /// The announcement.
    pub announcement: Announcement,
}

/// What waits in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxDepth {
    /// Rows not yet taken by the bus.
    pub waiting: i64,
    /// When the oldest of them was committed.
    pub oldest_at: Option<OffsetDateTime>,
}

/// The announcement of an entity at a revision, with an ID of its own.
pub(crate) fn announcement(entity_id: Uuid, revision: i64, announce: Announce) -> Announcement {
    let Announce { cause, hop, traceparent } = announce;
    Announcement {
        schema: SCHEMA_VERSION,
        event_id: Uuid::now_v7(),
        entity_id,
        revision,
        cause,
        hop,
        traceparent,
    }
}

/// Adds announcements. Called only inside the transaction that makes them true.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    announcements: &[(EventKind, Announcement)],
) -> Result<(), StoreError> {
    let column = |field: fn(&Announcement) -> Uuid| -> Vec<Uuid> {
        announcements.iter().map(|(_, a)| field(a)).collect()
    };
    let kinds: Vec<String> = announcements.iter().map(|(kind, _)| kind.detail_type().to_owned()).collect();
    let revisions: Vec<i64> = announcements.iter().map(|(_, a)| a.revision).collect();
    let hops: Vec<i16> = announcements.iter().map(|(_, a)| i16::from(a.hop.get())).collect();
    let traces: Vec<String> = announcements.iter().map(|(_, a)| a.traceparent.to_string()).collect();
    sqlx::query!(
        r#"insert into outbox (event_id, kind, entity_id, revision, cause, hop, traceparent)
           select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[], $5::uuid[], $6::smallint[], $7::text[])"#,
        &column(|a| a.event_id),
        &kinds,
        &column(|a| a.entity_id),
        &revisions,
        &column(|a| a.cause),
        &hops,
        &traces
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Waits until this process has committed announcements since the last time.
    pub async fn outbox_filled(&self) {
        self.outbox_filled.notified().await;
    }

    /// Claims up to `limit` announcements for `claim`. Rows claimed by another relay are skipped.
    ///
    /// Rows never claimed come first, oldest first; then those whose claim passed, longest ago first. So rows that come
    /// back again and again (refused by the bus, or of a newer form) hold up nothing, and a claim reads no more of the
    /// index than it takes, however much waits.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn lease_announcements(
        &self,
        limit: u32,
        claim: Duration,
    ) -> Result<Vec<LeasedAnnouncement>, StoreError> {
        let rows = sqlx::query!(
            r#"update outbox set leased_until = now() + make_interval(secs => $2)
               where event_id = any (array(
                   select event_id from outbox where leased_until <= now()
                   order by leased_until, event_id limit $1 for update skip locked))
               returning event_id, kind, entity_id, revision, cause, hop, traceparent"#,
            i64::from(limit),
            claim.as_secs_f64()
        )
        .fetch_all(&self.pool)
        .await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in rows {
            let read = (
                row.kind.parse::<EventKind>(),
                Hop::from_stored(row.hop),
                row.traceparent.parse::<TraceContext>(),
            );
            let (Ok(kind), Ok(hop), Ok(traceparent)) = read else {
                // Written by a newer version: its own relay publishes it when this claim lapses.
                tracing::warn!(event_id = %row.event_id, "outbox row is of a newer form, left to a newer relay");
                continue;
            };
            let announcement = Announcement {
                schema: SCHEMA_VERSION,
                event_id: row.event_id,
                entity_id: row.entity_id,
                revision: row.revision,
                cause: row.cause,
                hop,
                traceparent,
            };
            claimed.push(LeasedAnnouncement { kind, announcement });
        }
        claimed.sort_by_key(|row| row.announcement.event_id);
        Ok(claimed)
    }

    /// Removes announcements that the bus has taken.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: they will be published once more, which consumers must bear anyway.
    pub async fn remove_announcements(&self, event_ids: &[Uuid]) -> Result<(), StoreError> {
        sqlx::query!("delete from outbox where event_id = any ($1)", event_ids).execute(&self.pool).await?;
        Ok(())
    }

    /// Gives claims back after `delay`, for announcements that the bus did not take.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: then the claims lapse by themselves.
    pub async fn release_announcements(&self, event_ids: &[Uuid], delay: Duration) -> Result<(), StoreError> {
        sqlx::query!(
            "update outbox set leased_until = now() + make_interval(secs => $2) where event_id = any ($1)",
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
    pub async fn outbox_depth(&self) -> Result<OutboxDepth, StoreError> {
        let row = sqlx::query!(r#"select count(*) as "waiting!", min(created_at) as oldest_at from outbox"#)
            .fetch_one(&self.pool)
            .await?;
        Ok(OutboxDepth { waiting: row.waiting, oldest_at: row.oldest_at })
    }
}
