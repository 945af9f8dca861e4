//! Tables `fire_drill` and `fire_drill_hop`: open drills, the hops that each has reached, and the results of past drills. A
//! drill outlives the process that began it: its rows alone determine the next step, so any later run can continue it.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Store, StoreError};

/// A drill and its progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FireDrill {
    /// The marker of its event.
    pub drill_id: Uuid,
    /// When it began.
    pub started_at: OffsetDateTime,
    /// Its result. `None`: it is open.
    pub end: Option<Result<(), DrillFailure>>,
    /// When its event reached each hop so far.
    pub hops: BTreeMap<String, OffsetDateTime>,
}

/// How a drill failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillFailure {
    /// The first hop that the event did not reach.
    pub hop: String,
    /// Why, and what to do.
    pub reason: String,
}

impl Store {
    /// Begins a drill of `unit`, or returns the open one.
    pub async fn open_fire_drill(&self, unit: &str) -> Result<FireDrill, StoreError> {
        loop {
            sqlx::query!(
                "insert into fire_drill (drill_id, unit) values ($1, $2) on conflict (unit) where ended_at is null do nothing",
                Uuid::now_v7(),
                unit
            )
            .execute(&self.pool)
            .await?;
            // None if the drill ended in between: then a new one can begin.
            if let Some(open) = self.read_open_fire_drill(unit).await? {
                return Ok(open);
            }
        }
    }

    /// The open drill of `unit`.
    pub async fn read_open_fire_drill(&self, unit: &str) -> Result<Option<FireDrill>, StoreError> {
        let open =
            sqlx::query_scalar!("select drill_id from fire_drill where unit = $1 and ended_at is null", unit)
                .fetch_optional(&self.pool)
                .await?;
        match open {
            Some(drill_id) => Ok(self.read_fire_drill(drill_id).await?.filter(|drill| drill.end.is_none())),
            None => Ok(None),
        }
    }

    /// A drill, open or ended.
    pub async fn read_fire_drill(&self, drill_id: Uuid) -> Result<Option<FireDrill>, StoreError> {
        let rows = sqlx::query!(
            r#"select started_at, passed, broken_hop, reason, hop as "hop?", reached_at as "reached_at?"
               from fire_drill left join fire_drill_hop using (drill_id) where drill_id = $1"#,
            drill_id
        )
        .fetch_all(&self.pool)
        .await?;
        let hops = rows.iter().filter_map(|row| Some((row.hop.clone()?, row.reached_at?))).collect();
        Ok(rows.into_iter().next().map(|row| {
            let failure = || DrillFailure {
                hop: row.broken_hop.unwrap_or_default(),
                reason: row.reason.unwrap_or_default(),
            };
            let end = row.passed.map(|passed| if passed { Ok(()) } else { Err(failure()) });
            FireDrill { drill_id, started_at: row.started_at, end, hops }
        }))
    }

    /// Records that a drill's event has reached a hop. The first record stays.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] if the drill does not exist.
    pub async fn reach_fire_drill_hop(
        &self,
        drill_id: Uuid,
        hop: &str,
        reached_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into fire_drill_hop (drill_id, hop, reached_at) values ($1, $2, $3) on conflict do nothing",
            drill_id,
            hop,
            reached_at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Ends a drill; `failure`: why it failed. A drill that has ended stays as it is.
    pub async fn end_fire_drill(
        &self,
        drill_id: Uuid,
        failure: Option<&DrillFailure>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            r#"update fire_drill set ended_at = now(), passed = $2, broken_hop = $3, reason = $4
               where drill_id = $1 and ended_at is null"#,
            drill_id,
            failure.is_none(),
            failure.map(|failure| &failure.hop),
            failure.map(|failure| &failure.reason)
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Seconds since each unit's drill last passed, by the database's clock. A unit whose drill never passed is left out.
    pub async fn fire_drill_ages(&self) -> Result<BTreeMap<String, f64>, StoreError> {
        let rows = sqlx::query!(
            r#"select unit, extract(epoch from now() - max(ended_at))::float8 as "age_secs!"
               from fire_drill where passed group by unit"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.unit, row.age_secs)).collect())
    }

    /// The markers that belong to no open drill: no run waits for the messages that carry them.
    pub async fn ended_fire_drills(&self, drill_ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        let ended = sqlx::query_scalar!(
            r#"select marker as "marker!" from unnest($1::uuid[]) as marker
               where not exists (select from fire_drill where drill_id = marker and ended_at is null)"#,
            drill_ids
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(ended)
    }
}
