//! Table `outbox`: announcements that committed with the change they announce. A relay leases rows, publishes them outside any
//! transaction, and removes those that the bus took. If it dies, its leases expire and another relay publishes the rows again:
//! at least once.

use std::time::Duration;

use event_contract::{Announcement, EventKind, Hop, SCHEMA_VERSION, TraceContext};
use uuid::Uuid;

use super::lease::{lease_rows, outbox_methods};
use crate::bounded::PgConnection;
use crate::{Store, StoreError};

/// What an announcement says besides the entity and its revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announce {
    /// The event that led to the change.
    pub cause: Uuid,
    /// Hop of the announcement.
    pub hop: Hop,
    /// Its trace context.
    pub traceparent: TraceContext,
}

/// An announcement that this process may publish until its lease expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedAnnouncement {
    /// Its kind: the `detail-type`.
    pub kind: EventKind,
    /// The announcement.
    pub announcement: Announcement,
}

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

/// Adds announcements. Call it only inside the transaction that makes them true.
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
    /// Waits until this process has committed announcements since the last call.
    pub async fn outbox_filled(&self) {
        self.outbox_filled.notified().await;
    }

    /// Leases up to `limit` announcements for `lease`: never leased ones first, then those whose lease expired the longest ago.
    pub async fn lease_announcements(
        &self,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<LeasedAnnouncement>, StoreError> {
        let rows =
            lease_rows!("outbox", "kind, entity_id, revision, cause, hop, traceparent", self, limit, lease)
                .await?;
        let mut leased = Vec::with_capacity(rows.len());
        for row in rows {
            let read = (
                row.kind.parse::<EventKind>(),
                Hop::from_stored(row.hop),
                row.traceparent.parse::<TraceContext>(),
            );
            let (Ok(kind), Ok(hop), Ok(traceparent)) = read else {
                // Written by a newer version: that version's relay publishes it when this lease has expired.
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
            leased.push(LeasedAnnouncement { kind, announcement });
        }
        // `returning` has no order.
        leased.sort_by_key(|row| row.announcement.event_id);
        Ok(leased)
    }
}

outbox_methods!("outbox", remove_announcements, release_announcements, outbox_depth);
