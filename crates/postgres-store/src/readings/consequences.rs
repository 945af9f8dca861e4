//! The consequences of written source records, in their transaction: links, identities, profiles, announcements. It does not
//! know how a record's versions are compared.
//!
//! Rows are locked in one order: records, keys, pushed values, persons. All persons are locked at once, in the order of their
//! IDs: a second lock could wait for a transaction that waits for the first.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use authority::Policy;
use event_contract::{Announcement, EventKind};
use uuid::Uuid;

use super::reading::{PersonReading, RecordState};
use crate::bounded::PgConnection;
use crate::linking::links::Links;
use crate::linking::rule::Linkable;
use crate::linking::{by_key, merging, review};
use crate::outbox::{self, Announce, announcement};
use crate::person::crm_push;
use crate::person::recompute::Moves;
use crate::records::identity::{self, Identity};
use crate::records::source_record::{self, ChangedRow, LinkKeys, Source, SourceRow, Upserted};
use crate::rules::Rules;
use crate::{Store, StoreError};

impl Store {
    /// Returns the persons whose row changed.
    pub(crate) async fn write_consequences(
        &self,
        connection: &mut PgConnection,
        rules: &Rules,
        source: Source<'_>,
        written: &Upserted,
        rows: &[SourceRow],
        readings: &BTreeMap<&str, &PersonReading>,
    ) -> Result<Vec<Uuid>, StoreError> {
        let Upserted { changed, touched } = written;
        let mut announce: BTreeMap<Uuid, Announce> = BTreeMap::new();
        let links = match changed.is_empty() {
            true => Links::default(),
            false => write_links(connection, source, changed, rows, readings, &mut announce).await?,
        };
        if source.role.takes_pushes() {
            let written = changed.iter().chain(touched);
            crm_push::end_where_contacts_differ(connection, &rules.policy, source.name, written, rows)
                .await?;
        }
        let left: HashMap<Uuid, Uuid> = links.left().collect();
        announce_merged(&mut announce, &left, &links);
        announce_touched(connection, &rules.policy, source, touched, readings, &links, &mut announce).await?;
        // While a contact may belong to either of two persons, both wait for a decision about their own contact. A contact that
        // is gone, or has another person now, ends that wait.
        let leaving: BTreeSet<Uuid> = whose_record_is_gone(changed, readings)
            .chain(left.iter().flat_map(|(from, to)| [*from, *to]))
            .collect();
        let counterparts = review::counterparts(connection, &leaving).await?;
        for (person, counterpart) in &counterparts {
            let known = announce.get(person).copied();
            known.map(|known| announce.entry(*counterpart).or_insert(known));
        }
        let persons: Vec<Uuid> = announce.keys().copied().collect();
        if persons.is_empty() {
            return Ok(Vec::new());
        }
        let moves = Moves { left, emptied: links.emptied(), revived: None };
        let mut recomputed = self.recompute(connection, rules, &persons, &moves).await?;
        // Both sides of such a review are announced: each may get its own contact now.
        recomputed.also(counterparts.into_iter().flat_map(|(person, counterpart)| [person, counterpart]));
        let mut announcements = recomputed.announcements(|person| announce.get(&person).copied());
        announcements.extend(announced_besides(connection, source.name, changed, readings).await?);
        if !announcements.is_empty() {
            outbox::insert(connection, &announcements).await?;
        }
        Ok(recomputed.changed.iter().map(|person| person.person_id).collect())
    }
}

/// Links changed records and stores their identities. Adds their persons to `announce`.
async fn write_links(
    connection: &mut PgConnection,
    source: Source<'_>,
    changed: &[ChangedRow],
    rows: &[SourceRow],
    readings: &BTreeMap<&str, &PersonReading>,
    announce: &mut BTreeMap<Uuid, Announce>,
) -> Result<Links, StoreError> {
    let keys: HashMap<&str, &LinkKeys> =
        rows.iter().map(|row| (row.external_id.as_str(), &row.keys)).collect();
    let linkable = changed.iter().filter_map(|row| {
        let (id, person_id) = (row.external_id.as_str(), row.person_id?);
        let keys = keys.get(id).copied()?;
        Some(Linkable { external_id: id, person_id, new: row.new, keys })
    });
    let linkable: Vec<Linkable<'_>> = linkable.collect();
    let author = format!("coppice:{}", source.name);
    let mut links = by_key::link(connection, source, &author, &linkable).await?;

    let mut identities: Vec<(String, Uuid, &[Identity])> = Vec::new();
    for row in changed {
        // A tombstone of a record that was never read has no person.
        let (Some(first), Some(reading)) = (row.person_id, readings.get(row.external_id.as_str())) else {
            continue;
        };
        let person_id = links.moved(&row.external_id).unwrap_or(first);
        let list: &[Identity] = match &reading.state {
            RecordState::Present { identities, .. } => identities,
            RecordState::Gone { .. } | RecordState::Missing => &[],
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
    Ok(links)
}

/// Adds persons of whose record only the version changed, if that may change the person.
async fn announce_touched(
    connection: &mut PgConnection,
    policy: &Policy,
    source: Source<'_>,
    touched: &[ChangedRow],
    readings: &BTreeMap<&str, &PersonReading>,
    links: &Links,
    announce: &mut BTreeMap<Uuid, Announce>,
) -> Result<(), StoreError> {
    let causes: BTreeMap<Uuid, Announce> = touched
        .iter()
        .filter_map(|row| {
            let reading = readings.get(row.external_id.as_str())?;
            Some((links.destination(row.person_id?), reading.announce))
        })
        .collect();
    // Of several records of one role, or that a rule compares, the newest decides, so a newer version alone may change the profile.
    // And a newer contact
    // with the same content may have been pushed to and changed back before it was read: then it has to be pushed again.
    let mut persons: Vec<Uuid> = causes.keys().copied().collect();
    if !source.role.takes_pushes() && !persons.is_empty() {
        let compared = policy.compared_with(source.name, source.role);
        persons = source_record::with_several(connection, source.role, &compared, &persons).await?;
    }
    for person in persons {
        causes.get(&person).map(|cause| announce.entry(person).or_insert(*cause));
    }
    Ok(())
}

fn announce_merged(announce: &mut BTreeMap<Uuid, Announce>, left: &HashMap<Uuid, Uuid>, links: &Links) {
    // Merged persons, and those into which they were merged, are recomputed too. Their cause is a reading of one of them, else
    // any reading of the batch.
    for (from, to) in left {
        let known =
            announce.get(from).or_else(|| announce.get(to)).or_else(|| announce.values().next()).copied();
        if let Some(known) = known.filter(|_| !links.is_new(*from)) {
            announce.entry(*from).or_insert(known);
            announce.entry(*to).or_insert(known);
        }
    }
}

fn whose_record_is_gone<'a>(
    changed: &'a [ChangedRow],
    readings: &'a BTreeMap<&str, &PersonReading>,
) -> impl Iterator<Item = Uuid> + 'a {
    let is_gone =
        |row: &&ChangedRow| readings.get(row.external_id.as_str()).is_some_and(|reading| reading.is_gone());
    changed.iter().filter(is_gone).filter_map(|row| row.person_id)
}

/// What readings announce besides [`EventKind::PersonChanged`], for the person who has the record now.
async fn announced_besides(
    connection: &mut PgConnection,
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
