//! Records that their source does not show, without a proof that they are gone, and tombstones whose proof an operator lifts.
//! In: what readings did not find. Out: the list of what is missing. It does not know why a source does not show a record.

use std::time::Duration;

use crate::bounded::PgConnection;
use authority::Role;
use serde::Serialize;
use time::OffsetDateTime;

use super::source_record::Source;
use crate::{Store, StoreError, Write};

/// A record that its source does not show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingRecord {
    /// The source's name.
    pub source: String,
    /// The source's ID of it.
    pub external_id: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub missing_since: OffsetDateTime,
}

/// Notes that records are missing, each by the ticket of its refetch. Their values stay, and nothing is announced. A record that
/// was never read becomes a tombstone without a proof, so that it is listed, and read again, too.
pub(crate) async fn note(
    connection: &mut PgConnection,
    source: Source<'_>,
    missing: &[(String, i64)],
) -> Result<(), StoreError> {
    if missing.is_empty() {
        return Ok(());
    }
    let (ids, tickets): (Vec<String>, Vec<i64>) = missing.iter().cloned().unzip();
    sqlx::query!(
        r#"insert into source_record as stored
               (source, external_id, role, ticket, content_ticket, gone_at, missing_since)
           select $1, read.external_id, $4, read.ticket, read.ticket, now(), now()
           from unnest($2::text[], $3::bigint[]) as read (external_id, ticket)
           order by read.external_id
           on conflict (source, external_id) do update set missing_since = now()
           where stored.gone_at is null and stored.missing_since is null and stored.ticket < excluded.ticket"#,
        source.name,
        &ids,
        &tickets,
        source.role.as_str()
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// The records that are missing, of one source or of all, longest first, at most `limit`.
    pub async fn missing_records(
        &self,
        source: Option<&str>,
        limit: u32,
    ) -> Result<Vec<MissingRecord>, StoreError> {
        let missing = sqlx::query_as!(
            MissingRecord,
            r#"select source, external_id, missing_since as "missing_since!" from source_record
               where missing_since is not null and ($1::text is null or source = $1)
               order by missing_since, source, external_id limit $2"#,
            source,
            i64::from(limit)
        );
        Ok(missing.fetch_all(&self.pool).await?)
    }

    /// How many records of a source that had been read were stored as gone within `age` because the source did not find them.
    pub async fn count_unproved_deletions(&self, source: &str, age: Duration) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from source_record
               where source = $1 and not gone_proved and person_id is not null and gone_at > now() - make_interval(secs => $2)"#,
            source,
            age.as_secs_f64()
        );
        Ok(u64::try_from(count.fetch_one(&self.pool).await?).unwrap_or_default())
    }

    /// The role of a missing record's source. `None`: the record is not missing.
    pub async fn role_of_missing_record(
        &self,
        source: &str,
        external_id: &str,
    ) -> Result<Option<Role>, StoreError> {
        let role = sqlx::query_scalar!(
            "select role from source_record where source = $1 and external_id = $2 and missing_since is not null",
            source,
            external_id
        );
        Ok(role.fetch_optional(&self.pool).await?.and_then(|role| role.parse().ok()))
    }

    /// Lets the next reading that finds a record lift its tombstone, whatever the version. `false`: it is not a tombstone.
    /// Without a proof it writes nothing, and says the same.
    pub async fn restore_record(
        &self,
        source: &str,
        external_id: &str,
        write: Option<&Write>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let lifted = sqlx::query!(
            r#"update source_record set gone_proved = false, read_at = null
               where source = $1 and external_id = $2 and gone_at is not null"#,
            source,
            external_id
        );
        let lifted = lifted.execute(&mut *transaction).await?.rows_affected() > 0;
        match write {
            Some(_) => transaction.commit().await?,
            None => transaction.rollback().await?,
        }
        Ok(lifted)
    }
}
