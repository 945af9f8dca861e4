//! Table `heartbeat`: the heartbeats sent through each unit's route, and when its worker received them. Only the database's
//! clock counts here: a latency is the time between two of its readings.

use uuid::Uuid;

use crate::{Store, StoreError};

/// The state of a unit's heartbeats.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitHeartbeat {
    /// The unit's name.
    pub unit: String,
    /// Time from sending to the worker, of the last heartbeat that arrived, in seconds.
    pub latency_secs: Option<f64>,
    /// Age of the oldest heartbeat sent since then that has not arrived, in seconds; zero if there is none.
    pub waiting_secs: f64,
}

impl Store {
    /// Records heartbeats that are about to be sent, one for each unit, in order.
    pub async fn begin_heartbeats(&self, units: &[String]) -> Result<Vec<Uuid>, StoreError> {
        let ids: Vec<Uuid> = units.iter().map(|_| Uuid::now_v7()).collect();
        sqlx::query!(
            "insert into heartbeat (heartbeat_id, unit) select * from unnest($1::uuid[], $2::text[])",
            &ids,
            units
        )
        .execute(&self.pool)
        .await?;
        Ok(ids)
    }

    /// Deletes heartbeats that could not be sent, so that they do not count as late.
    pub async fn cancel_heartbeats(&self, ids: &[Uuid]) -> Result<(), StoreError> {
        sqlx::query!("delete from heartbeat where heartbeat_id = any ($1)", ids).execute(&self.pool).await?;
        Ok(())
    }

    /// Records that a worker received heartbeats. The first time counts; an unknown heartbeat is ignored.
    pub async fn see_heartbeats(&self, ids: &[Uuid]) -> Result<(), StoreError> {
        sqlx::query!(
            "update heartbeat set seen_at = now() where heartbeat_id = any ($1) and seen_at is null",
            ids
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The state of every unit that a heartbeat was sent to within the last week, in order of their names.
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
