//! Table `heartbeat`: what was sent through each unit's route, and when its worker had it in hand.
//!
//! The database's clock is the only one that counts here: a latency is the time between two of its own.

use uuid::Uuid;

use crate::{Store, StoreError};

/// How long heartbeats are kept, in days.
const KEPT_DAYS: i32 = 7;

/// What is known of a unit's heartbeats.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitHeartbeat {
    /// The unit.
    pub unit: String,
    /// From sending to the worker's hands, of the last one that was seen, in seconds.
    pub latency_secs: Option<f64>,
    /// How long the oldest one that was sent since then has been on its way, in seconds; zero when none is.
    pub waiting_secs: f64,
}

impl Store {
    /// Notes heartbeats that are about to be sent, one for each unit, in order; forgets those of last week.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn begin_heartbeats(&self, units: &[String]) -> Result<Vec<Uuid>, StoreError> {
        let ids: Vec<Uuid> = units.iter().map(|_| Uuid::now_v7()).collect();
        sqlx::query!(
            "insert into heartbeat (heartbeat_id, unit) select * from unnest($1::uuid[], $2::text[])",
            &ids,
            units
        )
        .execute(&self.pool)
        .await?;
        sqlx::query!("delete from heartbeat where sent_at < now() - make_interval(days => $1)", KEPT_DAYS)
            .execute(&self.pool)
            .await?;
        Ok(ids)
    }

    /// Forgets heartbeats that could not be sent: nobody is to be late with them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn cancel_heartbeats(&self, ids: &[Uuid]) -> Result<(), StoreError> {
        sqlx::query!("delete from heartbeat where heartbeat_id = any ($1)", ids).execute(&self.pool).await?;
        Ok(())
    }

    /// Notes that a worker has heartbeats in hand. The first time counts, and one that nobody knows is nobody's.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn see_heartbeats(&self, ids: &[Uuid]) -> Result<(), StoreError> {
        sqlx::query!(
            "update heartbeat set seen_at = now() where heartbeat_id = any ($1) and seen_at is null",
            ids
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What is known of every unit that a heartbeat was ever sent to, in order of their names.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn read_unit_heartbeats(&self) -> Result<Vec<UnitHeartbeat>, StoreError> {
        let rows = sqlx::query!(
            r#"with last_seen as (
                   select distinct on (unit) unit, sent_at, seen_at from heartbeat
                   where seen_at is not null order by unit, sent_at desc)
               select heartbeat.unit,
                      extract(epoch from last_seen.seen_at - last_seen.sent_at)::float8 as latency_secs,
                      coalesce(extract(epoch from now() - min(heartbeat.sent_at) filter (
                          where heartbeat.seen_at is null
                            and heartbeat.sent_at > coalesce(last_seen.sent_at, '-infinity'))), 0)::float8
                          as "waiting_secs!"
               from heartbeat left join last_seen using (unit)
               group by heartbeat.unit, last_seen.sent_at, last_seen.seen_at order by heartbeat.unit"#
        )
        .fetch_all(&self.pool)
        .await?;
        let heartbeats = rows.into_iter().map(|row| UnitHeartbeat {
            unit: row.unit,
            latency_secs: row.latency_secs,
            waiting_secs: row.waiting_secs,
        });
        Ok(heartbeats.collect())
    }
}
