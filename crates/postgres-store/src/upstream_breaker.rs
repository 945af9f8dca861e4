//! Table `upstream_breaker`: whether a provider may be called. All pods share the row, and only the database's clock counts, so
//! that pods with different clocks agree.

use std::time::Duration;

use crate::{Store, StoreError};

/// A breaker that opens again so soon after it closed had closed too early: the interval between probes goes on growing.
const SHORTLY_SECS: f64 = 300.0;

/// The breaker of one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerRow {
    /// No call may be made.
    pub open: bool,
    /// Why it opened, from a fixed list.
    pub reason: String,
    /// Time until the next probe is due; zero if it is due.
    pub until_probe: Duration,
    /// Time since it opened.
    pub open_for: Duration,
}

fn seconds(secs: f64) -> Duration {
    Duration::try_from_secs_f64(secs.max(0.0)).unwrap_or_default()
}

impl Store {
    /// Reads the breaker of `upstream`. `None`: it has never opened.
    pub async fn read_breaker(&self, upstream: &str) -> Result<Option<BreakerRow>, StoreError> {
        let row = sqlx::query!(
            r#"select open, reason, extract(epoch from next_probe_at - now())::float8 as "until_probe!",
                      extract(epoch from now() - opened_at)::float8 as "open_for!"
               from upstream_breaker where upstream = $1"#,
            upstream
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| BreakerRow {
            open: row.open,
            reason: row.reason,
            until_probe: seconds(row.until_probe),
            open_for: seconds(row.open_for),
        }))
    }

    /// Time since the longest open breaker opened; zero if none is open.
    pub async fn longest_open_breaker(&self) -> Result<Duration, StoreError> {
        let secs = sqlx::query_scalar!(
            r#"select coalesce(extract(epoch from now() - min(opened_at)), 0)::float8 as "secs!"
               from upstream_breaker where open"#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(seconds(secs))
    }

    /// Opens the breaker, or keeps it open, with the next probe due after `until_probe`, or later if it already was. If it closed
    /// less than five minutes ago, it counts as open since then, so that an alarm sees a breaker that only its probes close; and
    /// `until_probe` is doubled for each failed probe and each such opening, up to `longest`.
    ///
    /// A probe that is under way no longer counts: it may have been answered before this failure.
    pub async fn open_breaker(
        &self,
        upstream: &str,
        reason: &str,
        until_probe: Duration,
        longest: Duration,
    ) -> Result<(), StoreError> {
        // Without a limit of the exponent, the power would overflow after many openings, and the statement would fail.
        sqlx::query!(
            r#"insert into upstream_breaker as stored (upstream, open, reason, opened_at, next_probe_at)
               values ($1, true, $2, now(), now() + make_interval(secs => $3))
               on conflict (upstream) do update set
                   open = true,
                   reason = excluded.reason,
                   opened_at = case
                       when stored.open or stored.closed_at > now() - make_interval(secs => $5) then stored.opened_at
                       else now() end,
                   failed_probes = case
                       when stored.open then stored.failed_probes
                       when stored.closed_at > now() - make_interval(secs => $5)
                           then stored.failed_probes + ($4::float8 > $3)::integer
                       else 0 end,
                   next_probe_at = case
                       when stored.open then greatest(stored.next_probe_at, excluded.next_probe_at)
                       when stored.closed_at > now() - make_interval(secs => $5)
                           then now() + make_interval(secs => greatest($3,
                               least($4, $3 * (2 ^ (least(stored.failed_probes, 20) + 1))::float8)))
                       else excluded.next_probe_at end,
                   probe_lease = stored.probe_lease + 1,
                   probe_lease_until = '-infinity'"#,
            upstream,
            reason,
            until_probe.as_secs_f64(),
            longest.as_secs_f64(),
            SHORTLY_SECS
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Takes the right to probe for `duration`, if a probe is due and no other pod has the right. Returns the number of the lease.
    pub async fn lease_probe(&self, upstream: &str, duration: Duration) -> Result<Option<i64>, StoreError> {
        // One statement: the second of two pods waits for the row, and then finds the right taken.
        let leased = sqlx::query_scalar!(
            r#"update upstream_breaker set
                   probe_lease = probe_lease + 1, probe_lease_until = now() + make_interval(secs => $2)
               where upstream = $1 and open and next_probe_at <= now() and probe_lease_until <= now()
               returning probe_lease"#,
            upstream,
            duration.as_secs_f64()
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(leased)
    }

    /// Records a failed probe: the next is due after `first_interval`, doubled with each failure up to `longest`. Changes nothing
    /// if `lease` is no longer the latest.
    pub async fn postpone_probe(
        &self,
        upstream: &str,
        lease: i64,
        first_interval: Duration,
        longest: Duration,
    ) -> Result<(), StoreError> {
        // Without a limit of the exponent, the power would overflow in a long outage, and the statement would fail.
        sqlx::query!(
            r#"update upstream_breaker set
                   failed_probes = failed_probes + 1,
                   probe_lease_until = '-infinity',
                   next_probe_at = now() + make_interval(secs => least($4::float8, $3::float8 * (2 ^ least(failed_probes, 20))::float8))
               where upstream = $1 and open and probe_lease = $2"#,
            upstream,
            lease,
            first_interval.as_secs_f64(),
            longest.as_secs_f64()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Closes the breaker: the provider answered the probe. Changes nothing if `lease` is no longer the latest.
    pub async fn close_breaker(&self, upstream: &str, lease: i64) -> Result<(), StoreError> {
        sqlx::query!(
            r#"update upstream_breaker set open = false, closed_at = now(), probe_lease_until = '-infinity'
               where upstream = $1 and probe_lease = $2 and open"#,
            upstream,
            lease
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
