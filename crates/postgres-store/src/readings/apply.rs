//! One transaction for the results of a batch of refetches: source records, persons, identities, announcements. Only
//! `recompute` creates and changes a person's row, for every caller.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use authority::{Field, Policy, SourceRecord};
use serde_json::Value;
use uuid::Uuid;

use super::reading::{PersonReading, RecordState};
use crate::bounded::PgConnection;
use crate::records::result::ReadingResult;
use crate::records::source_record::{self, LinkKeys, Source, SourceRow};
use crate::records::{identity, missing};
use crate::rules::Rules;
use crate::{Store, StoreError};

/// What writing readings did.
pub(super) struct Written {
    /// What each reading changed, in order.
    pub(super) results: Vec<ReadingResult>,
    may_announce: bool,
    /// The persons whose row changed.
    pub(super) persons: Vec<Uuid>,
}

impl Store {
    /// Writes readings of `source` in one transaction, and returns what each changed, in order. Announces each person
    /// whose row changed as `PersonChanged`, and what a reading announces besides, if its record changed.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing was written.
    pub async fn apply_person_readings(
        &self,
        source: Source<'_>,
        readings: &[PersonReading],
    ) -> Result<Vec<ReadingResult>, StoreError> {
        loop {
            let rules = self.rules.get();
            match self.apply_by(&rules, source, readings).await {
                Err(error) if error.is_other_version() => self.read_rules().await?,
                done => return done,
            }
        }
    }

    async fn apply_by(
        &self,
        rules: &Rules,
        source: Source<'_>,
        readings: &[PersonReading],
    ) -> Result<Vec<ReadingResult>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let written = self.write_readings(&mut transaction, rules, source, readings).await?;
        transaction.commit().await?;
        if written.may_announce {
            self.outbox_filled.notify_one();
        }
        Ok(written.results)
    }

    /// Writes readings in a transaction of the caller.
    pub(super) async fn write_readings(
        &self,
        connection: &mut PgConnection,
        rules: &Rules,
        source: Source<'_>,
        readings: &[PersonReading],
    ) -> Result<Written, StoreError> {
        let meant = records_meant(connection, source.name, readings).await?;
        let id_of = |reading| record_id(reading, &meant);
        let (missing, latest): (BTreeMap<_, _>, BTreeMap<_, _>) =
            latest_by_record(readings, id_of).into_iter().partition(|(_, reading)| reading.is_missing());
        let missing: Vec<(String, i64)> =
            missing.into_iter().map(|(id, reading)| (id.to_owned(), reading.ticket)).collect();
        missing::note(connection, source, &missing).await?;
        let rows: Vec<SourceRow> =
            latest.iter().map(|(id, reading)| source_row(&rules.policy, source, id, reading)).collect();
        let written = source_record::upsert(connection, source, &rows).await?;
        let persons = self.write_consequences(connection, rules, source, &written, &rows, &latest).await?;
        let may_announce = !written.changed.is_empty() || !written.touched.is_empty();
        let changed: BTreeSet<&str> = written.changed.iter().map(|row| row.external_id.as_str()).collect();
        let result =
            |id| if changed.contains(id) { ReadingResult::Applied } else { ReadingResult::Unchanged };
        Ok(Written { results: readings.iter().map(id_of).map(result).collect(), may_announce, persons })
    }
}

async fn records_meant(
    connection: &mut PgConnection,
    source: &str,
    readings: &[PersonReading],
) -> Result<HashMap<String, String>, StoreError> {
    // A provider may log a deletion under the ID of an identity alone, and a deleted record cannot be asked for its own ID.
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

/// One reading for each record: a batch can contain two if an event named the record by another ID.
fn latest_by_record<'a>(
    readings: &'a [PersonReading],
    id_of: impl Fn(&'a PersonReading) -> &'a str,
) -> BTreeMap<&'a str, &'a PersonReading> {
    let mut latest: BTreeMap<&str, &PersonReading> = BTreeMap::new();
    for reading in readings {
        let kept = latest.entry(id_of(reading)).or_insert(reading);
        // As in the table, the newer version wins, then the later refetch. A deletion has no version of the record, so there
        // the later refetch wins.
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

fn source_row(policy: &Policy, source: Source<'_>, external_id: &str, reading: &PersonReading) -> SourceRow {
    let (record, external_key, merged_into) = match &reading.state {
        RecordState::Present { record, external_key, .. } => (Some(record), external_key.clone(), None),
        RecordState::Gone { merged_into, .. } => (None, None, merged_into.clone()),
        RecordState::Missing => (None, None, None),
    };
    SourceRow {
        external_id: external_id.to_owned(),
        proposed_person: record.is_some().then(Uuid::now_v7),
        content_hash: reading.state.content_hash(),
        record: record.cloned(),
        version_at: reading.version_at,
        etag: reading.etag.clone(),
        ticket: reading.ticket,
        keys: LinkKeys { external_key, verified_email: verified_email(policy, source, external_id, record) },
        merged_into,
        gone_proved: matches!(reading.state, RecordState::Gone { proved: true, .. }),
    }
}

fn verified_email(
    policy: &Policy,
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
    // Mail systems ignore the case of ASCII letters. Any other character is only itself: the Kelvin sign becomes a `k` in lower
    // case, and is another mailbox.
    let email = record.assertion(Field::email())?.as_str()?.trim_ascii().to_ascii_lowercase();
    policy.trusts_email_of(&record).then_some(email)
}
