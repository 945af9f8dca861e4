//! Table `resync_item`: the records that a run of resync-enqueuer has gathered. Gathering is repeatable: a record that is
//! waiting stays as it is, and a record that was sent is queued again. `None` or `false`: the run no longer exists.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Store, StoreError};

/// A condition on stored records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleCondition {
    /// Present records.
    Present,
    /// Tombstones: the record may have come back.
    Gone,
    /// Present records without a version of their source.
    Unversioned,
    /// All records.
    Any,
}

impl StaleCondition {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Gone => "gone",
            Self::Unversioned => "unversioned",
            Self::Any => "any",
        }
    }
}

/// A page of a provider's listing or feed.
#[derive(Debug, Clone, Default)]
pub struct GatheredPage {
    /// IDs of its records.
    pub external_ids: Vec<String>,
    /// Their versions, where the page gives them.
    pub versions: Vec<Option<OffsetDateTime>>,
    /// The cursor of the next page.
    pub cursor: Option<String>,
    /// The number of records according to the provider.
    pub total: Option<i64>,
    /// Why, from this page on, the absence of a record from the listing does not prove that it is gone.
    pub unproven: Option<String>,
}

/// The effect of sending a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListingPlan {
    /// Records in the listing.
    pub listed: i64,
    /// Of them, records that we do not have as present.
    pub new: i64,
    /// Of them, records whose version in the listing differs from ours.
    pub changed: i64,
    /// Records that we have as present, not as missing, and the listing lacks.
    pub missing: i64,
    /// Records that we have as present.
    pub stored: i64,
}

/// A record to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResyncItem {
    /// Its position in the order of sending.
    pub position: i64,
    /// The source's ID.
    pub external_id: String,
}

impl Store {
    /// Adds the page at the cursor `from` and stores the next cursor, in one transaction. Returns how many of its records were
    /// not waiting already. `None`: the run no longer exists, or another process has read the page and moved the cursor.
    pub async fn gather_page(
        &self,
        run_id: Uuid,
        from: Option<&str>,
        page: &GatheredPage,
    ) -> Result<Option<u64>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let run = sqlx::query!(
            r#"update resync_run set cursor = $2, pages = pages + 1, total = coalesce(total, $3),
                   unproven = coalesce(unproven, $4), moved_at = now()
               where run_id = $1 and cursor is not distinct from $5
               returning sent_through"#,
            run_id,
            page.cursor,
            page.total,
            page.unproven,
            from
        );
        let Some(run) = run.fetch_optional(&mut *transaction).await? else { return Ok(None) };
        // A record up to `sent_through` was sent already: a new position queues it again.
        let added = sqlx::query!(
            r#"insert into resync_item (run_id, external_id, version_at)
               select $1, once.external_id, once.version_at
               from (select distinct on (listed.external_id) listed.*
                     from unnest($2::text[], $3::timestamptz[]) with ordinality as listed (external_id, version_at, place)
                     order by listed.external_id, listed.place) once
               order by once.place
               on conflict (run_id, external_id) do update set position = default where resync_item.position <= $4"#,
            run_id,
            &page.external_ids,
            &page.versions as &[Option<OffsetDateTime>],
            run.sent_through
        );
        let added = added.execute(&mut *transaction).await?.rows_affected();
        transaction.commit().await?;
        Ok(Some(added))
    }

    /// Adds stored records that were not read for `older_than_secs`, least recently read first.
    pub async fn gather_stale(
        &self,
        run_id: Uuid,
        source: &str,
        condition: StaleCondition,
        older_than_secs: i64,
        limit: i64,
    ) -> Result<u64, StoreError> {
        // Scans all records of the source. For a job that runs occasionally this is cheaper than an index that every reading
        // would have to maintain.
        let mut transaction = self.pool.begin_long().await?;
        let added = sqlx::query!(
            r#"insert into resync_item (run_id, external_id, version_at)
               select $1, external_id, version_at from source_record
               where source = $2
                 and (read_at is null or missing_since is not null
                      or read_at <= now() - make_interval(secs => $4::bigint::float8))
                 and case $3::text when 'present' then gone_at is null or missing_since is not null
                                   when 'gone' then gone_at is not null
                                   when 'unversioned' then gone_at is null and version_at is null
                                   else true end
               order by read_at nulls first, external_id
               limit $5
               on conflict do nothing"#,
            run_id,
            source,
            condition.as_str(),
            older_than_secs,
            limit
        );
        let added = added.execute(&mut *transaction).await?.rows_affected();
        transaction.commit().await?;
        Ok(added)
    }

    /// Compares a listing with the stored records.
    pub async fn plan_listing(&self, run_id: Uuid, source: &str) -> Result<ListingPlan, StoreError> {
        let mut transaction = self.pool.begin_long().await?;
        let plan = sqlx::query_as!(
            ListingPlan,
            r#"select count(item.external_id) as "listed!",
                      count(*) filter (where stored.external_id is null) as "new!",
                      count(*) filter (where stored.external_id is not null and item.version_at is not null
                                         and stored.version_at is distinct from item.version_at) as "changed!",
                      count(*) filter (where item.external_id is null and stored.missing_since is null) as "missing!",
                      count(stored.external_id) as "stored!"
               from (select external_id, version_at from resync_item where run_id = $1) item
               full join (select external_id, version_at, missing_since from source_record
                          where source = $2 and gone_at is null) stored
                    using (external_id)"#,
            run_id,
            source
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(plan)
    }

    /// Marks a run as passed by the deletion guard. `missing` adds the stored records that the listing lacks; `changed_only`
    /// removes records whose version equals ours. `false`: the run no longer exists, or has passed already.
    pub async fn pass_listing(
        &self,
        run_id: Uuid,
        source: &str,
        missing: bool,
        changed_only: bool,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin_long().await?;
        let passed = sqlx::query!(
            "update resync_run set passed_at = now(), moved_at = now() where run_id = $1 and passed_at is null",
            run_id
        );
        if passed.execute(&mut *transaction).await?.rows_affected() == 0 {
            return Ok(false);
        }
        if missing {
            sqlx::query!(
                r#"insert into resync_item (run_id, external_id)
                   select $1, stored.external_id from source_record stored
                   where stored.source = $2 and stored.gone_at is null
                     and not exists (select from resync_item item
                                     where item.run_id = $1 and item.external_id = stored.external_id)
                   on conflict do nothing"#,
                run_id,
                source
            )
            .execute(&mut *transaction)
            .await?;
        }
        if changed_only {
            sqlx::query!(
                r#"delete from resync_item item using source_record stored
                   where item.run_id = $1 and stored.source = $2 and stored.external_id = item.external_id
                     and stored.gone_at is null and stored.missing_since is null and stored.version_at = item.version_at"#,
                run_id,
                source
            )
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// The next records to send, in the order of their positions.
    pub async fn next_resync_items(
        &self,
        run_id: Uuid,
        after: i64,
        limit: i64,
    ) -> Result<Vec<ResyncItem>, StoreError> {
        let items = sqlx::query_as!(
            ResyncItem,
            r#"select position, external_id from resync_item where run_id = $1 and position > $2
               order by position limit $3"#,
            run_id,
            after,
            limit
        );
        Ok(items.fetch_all(&self.pool).await?)
    }

    /// How many records remain to send.
    pub async fn count_resync_items(&self, run_id: Uuid, after: i64) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from resync_item where run_id = $1 and position > $2"#,
            run_id,
            after
        );
        Ok(count.fetch_one(&self.pool).await?)
    }
}
