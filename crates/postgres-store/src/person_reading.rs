//! One transaction for what a batch of refetches brought: source records, persons, identities, announcements.
//!
//! This is the only way in which a person's row comes to be or changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use event_contract::{Announcement, EventKind, Hop, SCHEMA_VERSION, TraceContext};
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::identity::{self, Identity};
use crate::person::{self, Profile};
use crate::source_record::{self, ChangedRow, SourceRow};
use crate::{Store, StoreError, outbox};

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
}

impl PersonReading {
    /// The record is gone at its source.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        matches!(self.state, RecordState::Gone)
    }
}

/// Whether the record is there.
#[derive(Clone)]
pub enum RecordState {
    /// It is, with this content.
    Present {
        /// What we keep of it.
        record: Value,
        /// The person's fields that follow from it.
        profile: Profile,
        /// The ways to sign in that it names.
        identities: Vec<Identity>,
    },
    /// The source says that it is gone.
    Gone,
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
    /// changed, [`EventKind::PersonChanged`] commits with it.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing was written.
    pub async fn apply_person_readings(
        &self,
        source: &str,
        readings: &[PersonReading],
    ) -> Result<Vec<ReadingResult>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let meant = records_meant(&mut transaction, source, readings).await?;
        let id_of = |reading| record_id(reading, &meant);
        let latest = latest_by_record(readings, id_of);
        let rows: Vec<SourceRow> = latest.iter().map(|(id, reading)| source_row(id, reading)).collect();
        let changed = source_record::upsert(&mut transaction, source, &rows).await?;
        if !changed.is_empty() {
            write_consequences(&mut transaction, source, &changed, &latest).await?;
        }
        transaction.commit().await?;
        if !changed.is_empty() {
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

fn source_row(external_id: &str, reading: &PersonReading) -> SourceRow {
    let record = match &reading.state {
        RecordState::Present { record, .. } => Some(record.clone()),
        RecordState::Gone => None,
    };
    SourceRow {
        external_id: external_id.to_owned(),
        proposed_person: record.is_some().then(Uuid::now_v7),
        // serde_json keeps keys sorted, so equal records have equal text.
        content_hash: record.as_ref().map(|record| Sha256::digest(record.to_string()).to_vec()),
        record,
        version_at: reading.version_at,
        etag: reading.etag.clone(),
        ticket: reading.ticket,
    }
}

async fn write_consequences(
    connection: &mut sqlx::PgConnection,
    source: &str,
    changed: &[ChangedRow],
    readings: &BTreeMap<&str, &PersonReading>,
) -> Result<(), StoreError> {
    let mut persons = BTreeMap::new();
    let mut identities: Vec<(String, Uuid, &[Identity])> = Vec::new();
    let mut announce = BTreeMap::new();
    for row in changed {
        // A tombstone of a record that was never read has no person.
        let (Some(person_id), Some(reading)) = (row.person_id, readings.get(row.external_id.as_str())) else {
            continue;
        };
        let (profile, list): (Profile, &[Identity]) = match &reading.state {
            RecordState::Present { profile, identities, .. } => (profile.clone(), identities),
            RecordState::Gone => (Profile::deleted(), &[]),
        };
        persons.insert(person_id, profile);
        identities.push((row.external_id.clone(), person_id, list));
        announce.insert(person_id, reading.announce);
    }
    let persons: Vec<(Uuid, Profile)> = persons.into_iter().collect();
    let changed_persons = person::upsert(connection, &persons).await?;
    identity::replace(connection, source, &identities).await?;
    let announcements: Vec<(EventKind, Announcement)> = changed_persons
        .iter()
        .filter_map(|person| {
            let Announce { cause, hop, traceparent } = *announce.get(&person.person_id)?;
            let announcement = Announcement {
                schema: SCHEMA_VERSION,
                event_id: Uuid::now_v7(),
                entity_id: person.person_id,
                revision: person.revision,
                cause,
                hop,
                traceparent,
            };
            Some((EventKind::PersonChanged, announcement))
        })
        .collect();
    if !announcements.is_empty() {
        outbox::insert(connection, &announcements).await?;
    }
    Ok(())
}
