//! Table `source_record`: each source's records as last read, and the guard that keeps them from moving backwards. Two readings
//! of one record are ordered by the source's own version, where it has one. A tie, and readings without a version, are ordered
//! by the ticket drawn *before* each refetch. No clock of ours is compared.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use authority::{Role, SourceRecord};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::bounded::PgConnection;
use crate::rules::Rules;
use crate::{Store, StoreError};

/// A source of records: its name and its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'a> {
    /// The stable name: `auth0`.
    pub name: &'a str,
    /// Its role.
    pub role: Role,
}

/// After this time no replica of a source lags any more, so that a record which the source shows is there. The queries have it, too.
pub const LARGEST_LAG: Duration = Duration::from_secs(30);

/// The order of a refetch, drawn before it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefetchTicket {
    /// Higher for later refetches.
    pub number: i64,
    /// The stored `ETag` of the record, for a conditional read.
    pub known_etag: Option<String>,
    /// The version with this `ETag`, where the source has versions.
    pub known_version: Option<OffsetDateTime>,
    /// The version with which the source stated the record's deletion, if that was within [`LARGEST_LAG`]. If it shows the record with
    /// this version, a replica of it may lag.
    pub deleted_as: Option<OffsetDateTime>,
    /// Whether to record the read with [`Store::note_read`]: the last record is older than a day.
    pub read_is_due: bool,
}

pub(crate) struct SourceRow {
    pub external_id: String,
    /// The person for a record that is new.
    pub proposed_person: Option<Uuid>,
    /// `None`: the record is gone.
    pub record: Option<Value>,
    pub content_hash: Option<Vec<u8>>,
    pub version_at: Option<OffsetDateTime>,
    pub etag: Option<String>,
    pub ticket: i64,
    pub keys: LinkKeys,
    /// The record of the same source into which this one was merged.
    pub merged_into: Option<String>,
    pub gone_proved: bool,
}

#[derive(Clone, Default)]
pub(crate) struct LinkKeys {
    pub external_key: Option<String>,
    /// In lower case.
    pub verified_email: Option<String>,
}

pub(crate) struct ChangedRow {
    pub external_id: String,
    pub person_id: Option<Uuid>,
    /// Its person is the proposed one, and has no row yet.
    pub new: bool,
}

#[derive(Default)]
pub(crate) struct Upserted {
    pub changed: Vec<ChangedRow>,
    /// Rows of which only the version or the ticket changed.
    pub touched: Vec<ChangedRow>,
}

impl Store {
    /// The IDs for which no record is stored, not even a tombstone.
    pub async fn unknown_records(
        &self,
        source: &str,
        external_ids: &[String],
    ) -> Result<BTreeSet<String>, StoreError> {
        // Postgres cannot store NUL, so no stored ID contains one. A NUL in one event's ID must not fail the whole batch.
        let (askable, other): (Vec<String>, Vec<String>) =
            external_ids.iter().cloned().partition(|id| !id.contains('\0'));
        let unknown = sqlx::query_scalar!(
            r#"select wanted.external_id as "external_id!" from unnest($2::text[]) as wanted (external_id)
               where not exists (select from source_record stored
                                 where stored.source = $1 and stored.external_id = wanted.external_id)"#,
            source,
            &askable
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(unknown.into_iter().chain(other).collect())
    }

    /// Draws a ticket for each record that is about to be refetched, in the order of `external_ids`.
    pub async fn draw_refetch_tickets(
        &self,
        source: &str,
        external_ids: &[String],
    ) -> Result<Vec<RefetchTicket>, StoreError> {
        // Postgres cannot store NUL, so no stored ID contains one. A NUL in one event's ID must not fail the whole batch.
        let external_ids: Vec<String> = external_ids.iter().map(|id| id.replace('\0', "\u{fffd}")).collect();
        let rows = sqlx::query!(
            r#"select nextval('refetch_ticket') as "number!",
                      case when stored.gone_at is null and stored.missing_since is null then stored.etag end as "etag?",
                      case when stored.gone_at is null then stored.version_at end as "version_at?",
                      case when stored.gone_proved and stored.read_at > now() - interval '30 seconds'
                           then stored.version_at end as "deleted_as?",
                      stored.external_id is not null and stored.gone_at is null
                          and coalesce(stored.read_at < now() - interval '1 day', true) as "read_is_due!"
               from unnest($2::text[]) with ordinality as wanted (external_id, position)
               left join source_record stored
                 on stored.source = $1 and stored.external_id = wanted.external_id
               order by wanted.position"#,
            source,
            &external_ids
        )
        .fetch_all(&self.pool)
        .await?;
        let tickets = rows.into_iter().map(|row| RefetchTicket {
            number: row.number,
            known_etag: row.etag,
            known_version: row.version_at,
            deleted_as: row.deleted_as,
            read_is_due: row.read_is_due,
        });
        Ok(tickets.collect())
    }

    /// Records that records were read, if the last such record is older than a day.
    pub async fn note_read(&self, source: &str, external_ids: &[String]) -> Result<(), StoreError> {
        // So the resync finds records about which no event arrives, and a record that is read every minute is written for it at
        // most once a day.
        sqlx::query!(
            r#"update source_record set read_at = now()
               where (source, external_id) in (
                   select source, external_id from source_record
                   where source = $1 and external_id = any ($2)
                     and coalesce(read_at < now() - interval '1 day', true)
                   order by external_id for no key update)"#,
            source,
            external_ids
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// How many present records a source has.
    pub async fn count_present_records(&self, source: &str) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from source_record where source = $1 and gone_at is null"#,
            source
        );
        Ok(u64::try_from(count.fetch_one(&self.pool).await?).unwrap_or_default())
    }
}

/// The stored state of a record, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordStanding {
    /// Its person. `None`: it was gone before it was ever read.
    pub person_id: Option<Uuid>,
    /// The source's own version.
    pub version_at: Option<OffsetDateTime>,
    /// When it became a tombstone.
    pub gone_at: Option<OffsetDateTime>,
    /// When its content last changed here.
    pub changed_at: OffsetDateTime,
}

impl Store {
    /// The stored state of a record. `None`: it was never read.
    pub async fn record_standing(
        &self,
        source: &str,
        external_id: &str,
    ) -> Result<Option<RecordStanding>, StoreError> {
        let row = sqlx::query_as!(
            RecordStanding,
            "select person_id, version_at, gone_at, changed_at from source_record where source = $1 and external_id = $2",
            source,
            external_id.replace('\0', "\u{fffd}")
        );
        Ok(row.fetch_optional(&self.pool).await?)
    }
}

struct Columns {
    external_ids: Vec<String>,
    persons: Vec<Option<Uuid>>,
    records: Vec<Option<Value>>,
    hashes: Vec<Option<Vec<u8>>>,
    versions: Vec<Option<OffsetDateTime>>,
    etags: Vec<Option<String>>,
    tickets: Vec<i64>,
    external_keys: Vec<Option<String>>,
    emails: Vec<Option<String>>,
    merged_into: Vec<Option<String>>,
    gone_proved: Vec<bool>,
}

impl Columns {
    fn of(rows: &[SourceRow]) -> Self {
        Self {
            external_ids: rows.iter().map(|row| row.external_id.clone()).collect(),
            persons: rows.iter().map(|row| row.proposed_person).collect(),
            records: rows.iter().map(|row| row.record.clone()).collect(),
            hashes: rows.iter().map(|row| row.content_hash.clone()).collect(),
            versions: rows.iter().map(|row| row.version_at).collect(),
            etags: rows.iter().map(|row| row.etag.clone()).collect(),
            tickets: rows.iter().map(|row| row.ticket).collect(),
            external_keys: rows.iter().map(|row| row.keys.external_key.clone()).collect(),
            emails: rows.iter().map(|row| row.keys.verified_email.clone()).collect(),
            merged_into: rows.iter().map(|row| row.merged_into.clone()).collect(),
            gone_proved: rows.iter().map(|row| row.gone_proved).collect(),
        }
    }
}

pub(crate) async fn upsert(
    connection: &mut PgConnection,
    source: Source<'_>,
    rows: &[SourceRow],
) -> Result<Upserted, StoreError> {
    let written = write(connection, source, &Columns::of(rows)).await?;
    Ok(changed_or_touched(rows, written.into_iter()))
}

/// ID, person and content ticket of each row that was written.
type Written = (String, Option<Uuid>, i64);

/// The guard: what it leaves out is neither written nor returned. A deletion wins if its refetch is later. A second deletion
/// moves the ticket and the version of the tombstone, so that a reading from between the two cannot revive the record. A present
/// record replaces a tombstone only if its refetch is later and, where the source has said that the record was deleted, its
/// version is newer than the deletion (or newer than the deleted record, if the time of the deletion is unknown). With the version
/// of the deleted record, it replaces a tombstone that is older than [`LARGEST_LAG`]: the source shows it as it was, so it was
/// restored, or an event of an earlier deletion came while the source did not find it. Between two
/// present records the newer version wins. On a tie, or if one has no version, the later refetch wins. A reading with equal
/// version and equal content writes nothing, with two exceptions: a version in whole seconds may hide a second change within that
/// second, so the ticket moves; and a record that was read by another mapping keeps the mark of the new one.
///
/// It follows that readings in any order end at the source's state, if one refetch began after the source's last change. One case
/// is left out, because closing it would cost a write for each repeated event: a record that returns under the same ID, with
/// versions finer than a second, while refetches from before its return are still in progress.
async fn write(
    connection: &mut PgConnection,
    source: Source<'_>,
    columns: &Columns,
) -> Result<Vec<Written>, StoreError> {
    let written = sqlx::query!(
        r#"insert into source_record as stored
               (source, external_id, person_id, record, content_hash, version_at, etag, ticket, content_ticket, gone_at,
                role, external_key, verified_email, merged_into, gone_proved, read_at)
           select $1, new.external_id, new.person_id, new.record, new.content_hash, new.version_at, new.etag,
                  new.ticket, new.ticket, case when new.record is null then now() end, $9,
                  new.external_key, new.verified_email, new.merged_into, new.gone_proved, now()
           from unnest($2::text[], $3::uuid[], $4::jsonb[], $5::bytea[], $6::timestamptz[], $7::text[], $8::bigint[],
                       $10::text[], $11::text[], $12::text[], $13::boolean[])
                as new (external_id, person_id, record, content_hash, version_at, etag, ticket, external_key,
                        verified_email, merged_into, gone_proved)
           order by new.external_id
           on conflict (source, external_id) do update set
               person_id = coalesce(stored.person_id, excluded.person_id),
               record = excluded.record,
               content_hash = excluded.content_hash,
               version_at = case when excluded.gone_at is not null and stored.gone_at is null
                                 then coalesce(excluded.version_at, stored.version_at)
                                 else greatest(stored.version_at, excluded.version_at) end,
               etag = excluded.etag,
               external_key = excluded.external_key,
               verified_email = excluded.verified_email,
               read_at = excluded.read_at,
               merged_into = case when excluded.gone_at is not null
                                  then coalesce(excluded.merged_into, stored.merged_into) end,
               ticket = greatest(stored.ticket, excluded.ticket),
               content_ticket = case when stored.content_hash is distinct from excluded.content_hash
                                     then excluded.ticket else stored.content_ticket end,
               gone_at = case when excluded.gone_at is not null
                              then coalesce(stored.gone_at, excluded.gone_at) end,
               gone_proved = excluded.gone_proved or (excluded.gone_at is not null and stored.gone_proved),
               missing_since = null,
               changed_at = case when stored.content_hash is distinct from excluded.content_hash
                                 then now() else stored.changed_at end
           where case
               when excluded.gone_at is not null then excluded.ticket > stored.ticket
               when stored.gone_at is not null then excluded.ticket > stored.ticket
                    and (not stored.gone_proved or coalesce(excluded.version_at > stored.version_at, true)
                         or (excluded.version_at = stored.version_at and stored.read_at <= now() - interval '30 seconds'))
               when excluded.version_at > stored.version_at then true
               when excluded.version_at < stored.version_at then false
               else excluded.ticket > stored.ticket
                    and (stored.content_hash is distinct from excluded.content_hash
                         or stored.missing_since is not null
                         or substring(stored.etag from '#map:[0-9a-f]+$')
                            is distinct from substring(excluded.etag from '#map:[0-9a-f]+$')
                         or excluded.version_at is null or stored.version_at is null
                         or excluded.version_at = date_trunc('second', excluded.version_at))
           end
           returning external_id, person_id, content_ticket"#,
        source.name,
        &columns.external_ids,
        &columns.persons as &[Option<Uuid>],
        &columns.records as &[Option<Value>],
        &columns.hashes as &[Option<Vec<u8>>],
        &columns.versions as &[Option<OffsetDateTime>],
        &columns.etags as &[Option<String>],
        &columns.tickets,
        source.role.as_str(),
        &columns.external_keys as &[Option<String>],
        &columns.emails as &[Option<String>],
        &columns.merged_into as &[Option<String>],
        &columns.gone_proved
    )
    .fetch_all(connection)
    .await?;
    Ok(written.into_iter().map(|row| (row.external_id, row.person_id, row.content_ticket)).collect())
}

fn changed_or_touched(rows: &[SourceRow], written: impl Iterator<Item = Written>) -> Upserted {
    // No ticket is drawn twice, so the content is this reading's exactly if it has this reading's ticket.
    let rows: HashMap<&str, &SourceRow> = rows.iter().map(|row| (row.external_id.as_str(), row)).collect();
    let mut upserted = Upserted::default();
    for (external_id, person_id, content_ticket) in written {
        let row = rows.get(external_id.as_str()).filter(|row| row.ticket == content_ticket);
        let new = row.is_some_and(|row| person_id.is_some() && person_id == row.proposed_person);
        let list = if row.is_some() { &mut upserted.changed } else { &mut upserted.touched };
        list.push(ChangedRow { external_id, person_id, new });
    }
    upserted
}

/// Of these persons, those with several live records of a role, or of what is compared with it, by names of roles and sources: the
/// newest record decides.
pub(crate) async fn with_several(
    connection: &mut PgConnection,
    role: Role,
    compared: &[String],
    persons: &[Uuid],
) -> Result<Vec<Uuid>, StoreError> {
    let rows = sqlx::query_scalar!(
        r#"select person_id as "person_id!" from source_record
           where person_id = any ($1) and (role = $2 or role = any ($3) or source = any ($3)) and gone_at is null
           group by person_id having count(*) > 1"#,
        persons,
        role.as_str(),
        compared
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// All records of persons, tombstones included. Which values are echoes is not known here.
///
/// # Errors
/// When the newest version of `coppice.toml` has other rules than these.
pub(crate) async fn of_persons(
    connection: &mut PgConnection,
    rules: &Rules,
    persons: &[Uuid],
) -> Result<HashMap<Uuid, Vec<SourceRecord>>, StoreError> {
    let rows = sqlx::query!(
        r#"select person_id as "person_id!", source, role, external_id, version_at, record,
                  (select max(version) from config_version) as newest_version
           from source_record where person_id = any ($1)"#,
        persons
    )
    .fetch_all(connection)
    .await?;
    // A person without records is the same by all rules.
    rows.first().map_or(Ok(()), |row| rules.check(row.newest_version))?;
    let mut records: HashMap<Uuid, Vec<SourceRecord>> = HashMap::new();
    for row in rows {
        // The column's check constraint knows the same roles.
        let role = row.role.parse().unwrap_or(Role::Sso);
        let (source, external_id, version_at) = (row.source, row.external_id, row.version_at);
        let echoes = BTreeSet::new();
        let record = SourceRecord { source, role, external_id, version_at, record: row.record, echoes };
        records.entry(row.person_id).or_default().push(record);
    }
    Ok(records)
}
