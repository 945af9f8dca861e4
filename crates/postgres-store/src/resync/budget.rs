//! Table `resync_budget`: how much of a source's daily budget the pods of its resync jobs have used together. A lease is a
//! stretch of time that no other pod has. It covers several requests, so that the pod queries the database once for all of
//! them. Only the database's clock counts.

use std::time::Duration;

use crate::{Store, StoreError};

/// The limits of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Requests per second. 0: unlimited.
    pub per_second: u32,
    /// Requests per day of UTC. 0: unlimited.
    pub per_day: u64,
}

/// Requests that the pod may make, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLease {
    /// How many. 0: the day's budget is used up.
    pub requests: u32,
    /// Time until the first may begin.
    pub begins_in: Duration,
}

struct Today {
    requests: i64,
    deletions: i64,
    begins_in: f64,
}

impl Store {
    /// Leases up to `wanted` requests of `source`. Returns `unused` ones of an earlier lease to the day's budget, not their
    /// time.
    pub async fn lease_requests(
        &self,
        source: &str,
        limits: RequestLimits,
        wanted: u32,
        unused: u32,
    ) -> Result<RequestLease, StoreError> {
        let mut transaction = self.pool.begin().await?;
        // Locks the row, so that two pods get their stretches of time one after the other.
        let today = today(&mut transaction, source).await?;
        let used = (today.requests - i64::from(unused)).max(0);
        let left = match limits.per_day {
            0 => i64::MAX,
            per_day => i64::try_from(per_day).unwrap_or(i64::MAX).saturating_sub(used),
        };
        let requests = u32::try_from(left.clamp(0, i64::from(wanted))).unwrap_or(wanted);
        let takes_secs = match limits.per_second {
            0 => 0.0,
            per_second => f64::from(requests) / f64::from(per_second),
        };
        sqlx::query!(
            r#"update resync_budget set requests = $2,
                   next_request_at = greatest(next_request_at, clock_timestamp()) + make_interval(secs => $3)
               where source = $1"#,
            source,
            used + i64::from(requests),
            takes_secs
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let begins_in = Duration::try_from_secs_f64(today.begins_in.max(0.0)).unwrap_or_default();
        Ok(RequestLease { requests, begins_in })
    }

    /// Asks to store these records as gone. `false`: the day's deletions would exceed `most`, so none may be stored. Records
    /// that are already gone, and unknown records, do not count.
    pub async fn allow_deletions(
        &self,
        source: &str,
        external_ids: &[String],
        most: u64,
    ) -> Result<bool, StoreError> {
        let present = sqlx::query_scalar!(
            r#"select count(*) as "count!" from source_record
               where source = $1 and external_id = any ($2) and gone_at is null"#,
            source,
            external_ids
        );
        let new = present.fetch_one(&self.pool).await?;
        if new == 0 {
            return Ok(true);
        }
        let mut transaction = self.pool.begin().await?;
        let deletions = today(&mut transaction, source).await?.deletions + new;
        if u64::try_from(deletions).unwrap_or_default() > most {
            return Ok(false);
        }
        sqlx::query!("update resync_budget set deletions = $2 where source = $1", source, deletions)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// The source's row, locked; its counts restart on a new day.
async fn today(connection: &mut crate::bounded::PgConnection, source: &str) -> Result<Today, StoreError> {
    let row = sqlx::query_as!(
        Today,
        r#"insert into resync_budget as stored (source, day) values ($1, (now() at time zone 'utc')::date)
           on conflict (source) do update set
               day = excluded.day,
               requests = case when stored.day = excluded.day then stored.requests else 0 end,
               deletions = case when stored.day = excluded.day then stored.deletions else 0 end
           returning requests, deletions,
                     extract(epoch from next_request_at - clock_timestamp())::float8 as "begins_in!""#,
        source
    );
    Ok(row.fetch_one(connection).await?)
}
