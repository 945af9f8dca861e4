//! One transaction for what a batch of refetches brought: source records, persons, identities, announcements.
//!
//! A person's row comes to be and changes only as it is computed here, for whoever asks (`recompute`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use authority::{Field, SourceRecord};
use event_contract::{Announcement, EventKind, Hop, TraceContext};
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::identity::{self, Identity};
use crate::linking::{self, Linkable};
use crate::outbox::{self, announcement};
use crate::recompute::Moves;
use crate::source_record::{self, ChangedRow, LinkKeys, Source, SourceRow, Upserted};
use crate::{Store, StoreError, merging};

/// What one refetch of one record found. Holds personal data: no `Debug`.
#[derive(Clone)]
pub struct PersonReading {
    /// The source's ID of the record. For a record that is gone, an ID that an identity of it has will do.
    pub external_id: String,
    /// What was found.
    pub state: RecordState,
    /// The source's own ordered version; for a record that is gone, when it went, where that is known.
    pub version_at: Option<OffsetDateTime>,
    /// The source's opaque version.
    pub etag: Option<String>,
    /// Number of the ticket drawn before the refetch.
    pub ticket: i64,
    /// How to announce a change that this reading makes.
    pub announce: Announce,
    /// What a change of the record means besides: announced for its person, whether or not the person's row changed.
    pub announces: Option<EventKind>,
}

impl PersonReading {
    /// The record is gone at its source.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        matches!(self.state, RecordState::Gone { .. })
    }
}

/// Whether the record is there.
#[derive(Clone)]
pub enum RecordState {
    /// It is, with this content.
    Present {
        /// What we keep of it. Keys that are called like a field are claims about the person.
        record: Value,
        /// Our key at the source, or a key that sources share.
        external_key: Option<String>,
        /// The ways to sign in that it names.
        identities: Vec<Identity>,
    },
    /// The source says that it is gone.
    Gone {
        /// The record of the same source that it was merged into, where the source says so.
        merged_into: Option<String>,
    },
}

/// What an announcement says besides the entity and its revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announce {
    /// The event that led to the reading.
    pub cause: Uuid,
    /// Hop of the announcement.
    pub hop: Hop,
    /// Its trace context.
    pub traceparent: TraceContext,
}

/// What a reading did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadingResult {
    /// Rows changed.
    Applied,
    /// Nothing new, or older than what is stored: no row of content changed.
    Unchanged,
}

impl Store {
    /// Writes readings of `source` in one transaction and answers what each did, in order. For a person whose row
    /// changed, [`EventKind::PersonChanged`] commits with it; so does what a reading whose record changed announces
    /// besides.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing was written.
    pub async fn apply_person_readings(
        &self,
        source: Source<'_>,
        readings: &[PersonReading],
    ) -> Result<Vec<ReadingResult>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let meant = records_meant(&mut transaction, source.name, readings).await?;
        let id_of = |reading| record_id(reading, &meant);
        let latest = latest_by_record(readings, id_of);
        let rows: Vec<SourceRow> =
            latest.iter().map(|(id, reading)| self.source_row(source, id, reading)).collect();
        let Upserted { changed, touched } = source_record::upsert(&mut transaction, source, &rows).await?;
        if !changed.is_empty() {
            self.write_consequences(&mut transaction, source, changed.as_slice(), &rows, &latest).await?;
        }
        if !touched.is_empty() {
            self.recompute_touched(&mut transaction, source, &touched, &latest).await?;
        }
        transaction.commit().await?;
        if !changed.is_empty() || !touched.is_empty() {
            self.outbox_filled.notify_one();
        }
        let changed: BTreeSet<&str> = changed.iter().map(|row| row.external_id.as_str()).collect();
        let result =
            |id| if changed.contains(id) { ReadingResult::Applied } else { ReadingResult::Unchanged };
        Ok(readings.iter().map(id_of).map(result).collect())
    }
}

/// The records that readings of something gone mean, where those name them by another ID than the records' own: a
/// deletion may be logged under the ID of an identity alone, and a record that is gone cannot be asked for its own.
async fn records_meant(
    connection: &mut sqlx::PgConnection,
    source: &str,
    readings: &[PersonReading],
) -> Result<HashMap<String, String>, StoreError> {
    let gone = readings.iter().filter(|reading| reading.is_gone());
    let ids: Vec<String> = gone.map(|reading| reading.external_id.clone()).collect();
    match ids.is_empty() {
        true => Ok(HashMap::new()),
        false => identity::records_meant(connection, source, &ids).await,
    }
}

fn record_id<'a>(reading: &'a PersonReading, meant: &'a HashMap<String, String>) -> &'a str {
    let named = &reading.external_id;
    if reading.is_gone() { meant.get(named).unwrap_or(named) } else { named }
}

/// One reading a record: a batch can hold two when an event named the record by another ID. As in the table itself the
/// newer version wins, then the later refetch; for a record that went there is none, so there the later refetch wins.
fn latest_by_record<'a>(
    readings: &'a [PersonReading],
    id_of: impl Fn(&'a PersonReading) -> &'a str,
) -> BTreeMap<&'a str, &'a PersonReading> {
    let mut latest: BTreeMap<&str, &PersonReading> = BTreeMap::new();
    for reading in readings {
        let kept = latest.entry(id_of(reading)).or_insert(reading);
        let version = |one: &PersonReading| one.version_at.filter(|_| !one.is_gone());
        let later = match (version(reading), version(kept)) {
            (Some(new), Some(old)) if new != old => new > old,
            _ => reading.ticket > kept.ticket,
        };
        if later {
            *kept = reading;
        }
    }
    latest
}

impl Store {
    fn source_row(&self, source: Source<'_>, external_id: &str, reading: &PersonReading) -> SourceRow {
        let (record, external_key, merged_into) = match &reading.state {
            RecordState::Present { record, external_key, .. } => (Some(record), external_key.clone(), None),
            RecordState::Gone { merged_into } => (None, None, merged_into.clone()),
        };
        SourceRow {
            external_id: external_id.to_owned(),
            proposed_person: record.is_some().then(Uuid::now_v7),
            // serde_json keeps keys sorted, so equal records have equal text.
            content_hash: record.map(|record| Sha256::digest(record.to_string()).to_vec()),
            record: record.cloned(),
            version_at: reading.version_at,
            etag: reading.etag.clone(),
            ticket: reading.ticket,
            keys: LinkKeys { external_key, verified_email: self.verified_email(source, external_id, record) },
            merged_into,
        }
    }

    /// The address by which the record may be linked, in small letters: mail systems treat them alike.
    fn verified_email(
        &self,
        source: Source<'_>,
        external_id: &str,
        record: Option<&Value>,
    ) -> Option<String> {
        let record = SourceRecord {
            source: source.name.to_owned(),
            role: source.role,
            external_id: external_id.to_owned(),
            version_at: None,
            record: record.cloned(),
            echoes: BTreeSet::new(),
        };
        let email = record.claim(Field::Email)?.as_str()?.trim().to_lowercase();
        self.policy.trusts_email_of(&record).then_some(email)
    }

    /// What follows from records that changed: links, profiles, identities, announcements.
    async fn write_consequences(
        &self,
        connection: &mut sqlx::PgConnection,
        source: Source<'_>,
        changed: &[ChangedRow],
        rows: &[SourceRow],
        readings: &BTreeMap<&str, &PersonReading>,
    ) -> Result<(), StoreError> {
        let keys: HashMap<&str, &LinkKeys> =
            rows.iter().map(|row| (row.external_id.as_str(), &row.keys)).collect();
        let linkable = changed.iter().filter_map(|row| {
            let (id, person_id) = (row.external_id.as_str(), row.person_id?);
            let keys = keys.get(id).copied()?;
            Some(Linkable { external_id: id, person_id, new: row.new, keys })
        });
        let linkable: Vec<Linkable<'_>> = linkable.collect();
        let author = format!("coppice:{}", source.name);
        let mut links = linking::link(connection, source, &author, &linkable).await?;

        let mut identities: Vec<(String, Uuid, &[Identity])> = Vec::new();
        let mut announce: BTreeMap<Uuid, Announce> = BTreeMap::new();
        for row in changed {
            // A tombstone of a record that was never read has no person.
            let (Some(first), Some(reading)) = (row.person_id, readings.get(row.external_id.as_str())) else {
                continue;
            };
            let person_id = links.moved(&row.external_id).unwrap_or(first);
            let list: &[Identity] = match &reading.state {
                RecordState::Present { identities, .. } => identities,
                RecordState::Gone { .. } => &[],
            };
            identities.push((row.external_id.clone(), person_id, list));
            announce.insert(person_id, reading.announce);
            if person_id != first && !row.new {
                announce.insert(first, reading.announce);
            }
        }
        identity::replace(connection, source.name, &identities).await?;
        let ids: Vec<String> = identities.into_iter().map(|(id, _, _)| id).collect();
        merging::follow(connection, source, &author, &ids, &mut links).await?;

        let left: HashMap<Uuid, Uuid> = links.left().collect();
        let candidates = candidates_of_gone(connection, source.name, changed, readings).await?;
        // Whoever was merged, or into whom, is computed anew too, in the name of one of the readings that led to it.
        for (from, to) in &left {
            let known =
                announce.get(from).or_else(|| announce.get(to)).or_else(|| announce.values().next()).copied();
            if let Some(known) = known.filter(|_| !links.is_new(*from)) {
                announce.entry(*from).or_insert(known);
                announce.entry(*to).or_insert(known);
            }
        }
        for (candidate, reading) in &candidates {
            announce.entry(*candidate).or_insert(*reading);
        }
        let persons: Vec<Uuid> = announce.keys().copied().collect();
        let moves = Moves { left, emptied: links.emptied(), revived: None };
        let mut recomputed = self.recompute(connection, &persons, &moves).await?;
        // Whether they are to have a contact of their own is decided now.
        recomputed.also(candidates.into_iter().map(|(candidate, _)| candidate));
        let mut announcements = recomputed.announcements(|person| announce.get(&person).copied());
        announcements.extend(announced_besides(connection, source.name, changed, readings).await?);
        if !announcements.is_empty() {
            outbox::insert(connection, &announcements).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Of several records of one role the newest decides, so a record that is newer though it says the same may decide
    /// what it did not before.
    async fn recompute_touched(
        &self,
        connection: &mut sqlx::PgConnection,
        source: Source<'_>,
        touched: &[ChangedRow],
        readings: &BTreeMap<&str, &PersonReading>,
    ) -> Result<(), StoreError> {
        let announce: HashMap<Uuid, Announce> = touched
            .iter()
            .filter_map(|row| Some((row.person_id?, readings.get(row.external_id.as_str())?.announce)))
            .collect();
        let persons: Vec<Uuid> = announce.keys().copied().collect();
        let mut persons = source_record::with_several(connection, source.role, &persons).await?;
        if persons.is_empty() {
            return Ok(());
        }
        persons.sort_unstable();
        let recomputed = self.recompute(connection, &persons, &Moves::default()).await?;
        let announcements = recomputed.announcements(|person| announce.get(&person).copied());
        if !announcements.is_empty() {
            outbox::insert(connection, &announcements).await?;
        }
        Ok(())
    }
}

/// Persons of whom it was asked whether a record is theirs that is gone now, each with the reading that says so.
async fn candidates_of_gone(
    connection: &mut sqlx::PgConnection,
    source: &str,
    changed: &[ChangedRow],
    readings: &BTreeMap<&str, &PersonReading>,
) -> Result<Vec<(Uuid, Announce)>, StoreError> {
    let reading = |id: &str| readings.get(id).filter(|reading| reading.is_gone());
    let ids = changed.iter().map(|row| &row.external_id).filter(|id| reading(id).is_some());
    let ids: Vec<String> = ids.cloned().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        r#"select external_id, candidate_person_id from link_review
           where source = $1 and external_id = any ($2) and verdict is null"#,
        source,
        &ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| Some((row.candidate_person_id, reading(&row.external_id)?.announce)))
        .collect())
}

/// What readings announce besides [`EventKind::PersonChanged`], for whom the records belong to by now: a record that
/// has just been linked, to the person it was linked to.
async fn announced_besides(
    connection: &mut sqlx::PgConnection,
    source: &str,
    changed: &[ChangedRow],
    readings: &BTreeMap<&str, &PersonReading>,
) -> Result<Vec<(EventKind, Announcement)>, StoreError> {
    let announcing = |id: &str| {
        let reading = readings.get(id)?;
        Some((reading.announces?, reading.announce))
    };
    let ids = changed.iter().map(|row| &row.external_id).filter(|id| announcing(id).is_some());
    let ids: Vec<String> = ids.cloned().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let persons = sqlx::query!(
        r#"select record.external_id, person.person_id, person.revision
           from source_record record join person using (person_id)
           where record.source = $1 and record.external_id = any ($2) order by record.external_id"#,
        source,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let announcements = persons.into_iter().filter_map(|row| {
        let (kind, announce) = announcing(&row.external_id)?;
        Some((kind, announcement(row.person_id, row.revision, announce)))
    });
    Ok(announcements.collect())
}
