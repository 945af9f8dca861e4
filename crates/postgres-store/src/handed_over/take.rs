//! Takes records that are handed over.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::bounded::PgConnection;
use crate::{Store, StoreError};

/// The sender's version of a record. A record keeps its kind of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordVersion {
    /// A whole number.
    Number(i64),
    /// A time, no finer than microseconds.
    At(OffsetDateTime),
}

/// A record as it is handed over. It holds personal data: no `Debug`.
#[derive(Clone)]
pub struct HandOver {
    /// The sender's ID of it.
    pub record_id: String,
    /// The sender's version of it.
    pub version: RecordVersion,
    /// A JSON object without NUL. `None`: the sender has removed it.
    pub content: Option<Value>,
}

/// What became of a record that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is stored.
    Stored,
    /// It had been stored with this version and this content.
    Same,
    /// This version is stored with another content. Nothing has changed.
    Conflict,
    /// A higher version is stored. Nothing has changed.
    Older,
    /// The record has versions of the other kind. Nothing has changed.
    OtherKind,
}

impl HandOver {
    /// What is compared instead of the content.
    fn content_hash(&self) -> Option<Vec<u8>> {
        self.content.as_ref().map(|content| Sha256::digest(content.to_string()).to_vec())
    }
}

impl RecordVersion {
    const fn number(self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(number),
            Self::At(_) => None,
        }
    }

    const fn at(self) -> Option<OffsetDateTime> {
        match self {
            Self::Number(_) => None,
            Self::At(at) => Some(at),
        }
    }
}

impl Store {
    /// Takes records of a source, each with an ID of its own, and says what became of each, in their order. All of them are
    /// committed, or none is. `import_run` wrote them, if they did not come one by one.
    ///
    /// # Errors
    /// [`StoreError`]: as far as is known, none is stored.
    pub async fn take_records(
        &self,
        source: &str,
        records: &[HandOver],
        import_run: Option<Uuid>,
    ) -> Result<Vec<Taken>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let taken = take(&mut transaction, source, records, import_run).await?;
        transaction.commit().await?;
        Ok(taken)
    }
}

pub(super) async fn take(
    connection: &mut PgConnection,
    source: &str,
    records: &[HandOver],
    import_run: Option<Uuid>,
) -> Result<Vec<Taken>, StoreError> {
    let columns = Columns::of(records);
    let mut stored = columns.insert(connection, source, import_run).await?;
    // Those that are there: none is ever deleted, so each row can be seen now.
    if stored.len() < records.len() {
        stored.extend(columns.update(connection, source, import_run).await?);
    }
    let others: Vec<&HandOver> = records.iter().filter(|one| !stored.contains(&one.record_id)).collect();
    let known = match others.is_empty() {
        true => HashMap::new(),
        false => standing(connection, source, &others).await?,
    };
    let became = |record: &HandOver| match known.get(&record.record_id) {
        _ if stored.contains(&record.record_id) => Taken::Stored,
        Some(standing) => standing.compare(record),
        // It was there a moment ago.
        None => Taken::Older,
    };
    Ok(records.iter().map(became).collect())
}

/// The records of a batch, as the statements take them.
struct Columns {
    ids: Vec<String>,
    numbers: Vec<Option<i64>>,
    times: Vec<Option<OffsetDateTime>>,
    contents: Vec<Option<Value>>,
    hashes: Vec<Option<Vec<u8>>>,
}

impl Columns {
    fn of(records: &[HandOver]) -> Self {
        Self {
            ids: records.iter().map(|record| record.record_id.clone()).collect(),
            numbers: records.iter().map(|record| record.version.number()).collect(),
            times: records.iter().map(|record| record.version.at()).collect(),
            contents: records.iter().map(|record| record.content.clone()).collect(),
            hashes: records.iter().map(HandOver::content_hash).collect(),
        }
    }

    /// The IDs of those that were not there. Not `do update`: that needs the right to read what is stored.
    async fn insert(
        &self,
        connection: &mut PgConnection,
        source: &str,
        import_run: Option<Uuid>,
    ) -> Result<HashSet<String>, StoreError> {
        let stored = sqlx::query_scalar!(
            r#"insert into handed_over_record
                   (source, record_id, version_number, version_at, content, content_hash, import_run)
               select $1, record_id, version_number, version_at, content, content_hash, $7
               from unnest($2::text[], $3::bigint[], $4::timestamptz[], $5::jsonb[], $6::bytea[])
                    as given (record_id, version_number, version_at, content, content_hash)
               order by record_id
               on conflict (source, record_id) do nothing
               returning record_id"#,
            source,
            &self.ids,
            &self.numbers as &[Option<i64>],
            &self.times as &[Option<OffsetDateTime>],
            &self.contents as &[Option<Value>],
            &self.hashes as &[Option<Vec<u8>>],
            import_run
        );
        Ok(stored.fetch_all(connection).await?.into_iter().collect())
    }

    /// The IDs of those that were there with a lower version.
    async fn update(
        &self,
        connection: &mut PgConnection,
        source: &str,
        import_run: Option<Uuid>,
    ) -> Result<Vec<String>, StoreError> {
        let stored = sqlx::query_scalar!(
            r#"with locked as (
                   select record_id from handed_over_record
                   where source = $1 and record_id = any ($2) order by record_id for no key update
               )
               update handed_over_record stored set
                   version_number = given.version_number, version_at = given.version_at, content = given.content,
                   content_hash = given.content_hash, received_at = clock_timestamp(), import_run = $7
               from unnest($2::text[], $3::bigint[], $4::timestamptz[], $5::jsonb[], $6::bytea[])
                    as given (record_id, version_number, version_at, content, content_hash)
               join locked using (record_id)
               where stored.source = $1 and stored.record_id = given.record_id
                 and coalesce(given.version_number > stored.version_number, given.version_at > stored.version_at, false)
               returning stored.record_id"#,
            source,
            &self.ids,
            &self.numbers as &[Option<i64>],
            &self.times as &[Option<OffsetDateTime>],
            &self.contents as &[Option<Value>],
            &self.hashes as &[Option<Vec<u8>>],
            import_run
        );
        Ok(stored.fetch_all(connection).await?)
    }
}

pub(super) struct Standing {
    record_id: String,
    version_number: Option<i64>,
    pub(super) version_at: Option<OffsetDateTime>,
    content_hash: Option<Vec<u8>>,
}

impl Standing {
    pub(super) fn has_content_of(&self, record: &HandOver) -> bool {
        self.content_hash == record.content_hash()
    }

    pub(super) fn compare(&self, record: &HandOver) -> Taken {
        let equal = match record.version {
            RecordVersion::Number(given) => self.version_number.map(|known| known == given),
            RecordVersion::At(given) => self.version_at.map(|known| known == given),
        };
        match equal {
            None => Taken::OtherKind,
            Some(false) => Taken::Older,
            Some(true) if self.content_hash == record.content_hash() => Taken::Same,
            Some(true) => Taken::Conflict,
        }
    }
}

/// What is stored of records that a version kept from being replaced. Their versions may have grown meanwhile.
pub(super) async fn standing(
    connection: &mut PgConnection,
    source: &str,
    records: &[&HandOver],
) -> Result<HashMap<String, Standing>, StoreError> {
    let ids: Vec<String> = records.iter().map(|record| record.record_id.clone()).collect();
    let rows = sqlx::query_as!(
        Standing,
        r#"select record_id, version_number, version_at, content_hash from handed_over_record
           where source = $1 and record_id = any ($2)"#,
        source,
        &ids
    );
    let rows = rows.fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.record_id.clone(), row)).collect())
}
