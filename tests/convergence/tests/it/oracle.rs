//! Compares the database and the CRMs with the sources and the newest policy.
//!
//! In: the sources' current records, read through the real clients over a good network; the database; the newest version of the file.
//! Out: every difference, as text. The oracle takes the links between records from the database, because they depend on the
//! order of events, and checks them against the keys. It computes everything else from the links. Which of a CRM's values
//! are our echoes, it takes from the simulator, which knows who set each value.

use std::collections::{BTreeMap, BTreeSet};

use authority::{Field, Policy, Profile, Role, SourceRecord};
use connectors::Fetched;
use postgres_store::RecordState;
use record_sync::{SourceRecords, stored};
use serde_json::{Value, json};
use simulators::SetBy;
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqs_queue::MessageView;
use uuid::Uuid;

use crate::fleet::Fleet;
use crate::history::History;

/// A record at its provider, and the person that the database links it to.
struct Truth {
    record: SourceRecord,
    /// Fields that a user of the CRM set to a value that we had pushed before. Whether that is an echo depends on whether the
    /// contact was read in between: both are right.
    doubtful: BTreeSet<Field>,
    key: Option<String>,
    person: Option<Uuid>,
}

/// Every difference in one life.
pub(crate) async fn differences(fleet: &Fleet, history: &History) -> Vec<String> {
    let mut different = Vec::new();
    let mut truths = Vec::new();
    for (place, source) in fleet.direct.iter().enumerate() {
        records(fleet, (place, source), history.records(place), &mut truths, &mut different).await;
    }
    // The contacts that `crm-account` created belong to these lives, too.
    for (place, source) in fleet.direct.iter().enumerate() {
        let made = made_contacts(fleet, source, &truths).await;
        records(fleet, (place, source), &made, &mut truths, &mut different).await;
    }
    keys(fleet, &truths, &mut different).await;
    persons(fleet, &truths, &mut different).await;
    for place in fleet.bus.branches.pushing.keys().copied() {
        contacts(fleet, place, &truths, &mut different).await;
    }
    different.into_iter().map(|text| format!("seed {}: {text}", history.seed)).collect()
}

/// Differences that belong to no single life: wrongly dead-lettered messages, bad records without a dead-lettered message,
/// and contacts that were created and belong to no person.
pub(crate) async fn leftovers(fleet: &Fleet, bad: &[(usize, String)]) -> Vec<String> {
    let mut different = Vec::new();
    let is_about = |message: &MessageView, id: &str| message.body.contains(id);
    for (place, branch) in fleet.bus.branches.reading.iter().enumerate() {
        let name = &fleet.forest.sources[place].name;
        let messages = branch.dlq.messages();
        let bad: Vec<&str> = bad.iter().filter(|(own, _)| *own == place).map(|(_, id)| id.as_str()).collect();
        for message in messages.iter().filter(|message| !bad.iter().any(|id| is_about(message, id))) {
            different.push(format!("{name}: dead-lettered: {:?} {}", message.attributes, message.body));
        }
        for id in bad.iter().filter(|id| !messages.iter().any(|message| is_about(message, id))) {
            different.push(format!("{name}: {id} is bad, and no message about it is dead-lettered"));
        }
    }
    for (place, branch) in &fleet.bus.branches.pushing {
        let name = &fleet.forest.sources[*place].name;
        for message in branch.dlq.messages() {
            different.push(format!("to {name}: dead-lettered: {:?} {}", message.attributes, message.body));
        }
        created(fleet, name, &fleet.providers[*place].created(), &mut different).await;
    }
    different
}

/// Checks that each contact that was created belongs to the person whose ID is its key, whether its source is still pushed to or not. So it
/// is neither lost nor created again.
async fn created(fleet: &Fleet, source: &str, ids: &[String], different: &mut Vec<String>) {
    let lost = "select created.id from unnest($2::text[]) as created (id)
                where not exists (select from source_record contact
                                  join person owner on owner.person_id::text = contact.external_key
                                  where contact.source = $1 and contact.external_id = created.id
                                    and contact.person_id = coalesce(owner.merged_into, owner.person_id))";
    let lost: Vec<String> =
        sqlx::query_scalar(lost).bind(source).bind(ids).fetch_all(&fleet.pool).await.unwrap();
    if !lost.is_empty() {
        let of = ids.len();
        different.push(format!("{source}: of {of} contacts that were created, no person has {lost:?}"));
    }
}

/// Compares the records of one source with the provider.
async fn records(
    fleet: &Fleet,
    (place, source): (usize, &SourceRecords),
    ids: &[String],
    truths: &mut Vec<Truth>,
    different: &mut Vec<String>,
) {
    for id in ids {
        let fetched = source.fetch(id, None).await.unwrap();
        let (expected, key, version_at) = match fetched {
            Fetched::Found(found) => match stored(&found) {
                RecordState::Present { record, external_key, .. } => {
                    (Some(record), external_key, found.version_at)
                }
                RecordState::Gone { .. } | RecordState::Missing => (None, None, None),
            },
            Fetched::Gone { .. } | Fetched::NotFound | Fetched::NotVisible | Fetched::NotModified => {
                (None, None, None)
            }
        };
        let row =
            sqlx::query("select record, person_id from source_record where source = $1 and external_id = $2")
                .bind(source.name())
                .bind(id)
                .fetch_optional(&fleet.pool)
                .await
                .unwrap();
        let stored = row.as_ref().and_then(|row| row.get::<Option<Value>, _>(0));
        if stored != expected {
            let (name, row) = (source.name(), row_without_record(fleet, source.name(), id).await);
            different.push(format!(
                "{name} {id}: stored {stored:?}, at the source {expected:?}; the row: {row:?}"
            ));
        }
        let person = row.and_then(|row| row.get(1));
        let set_by = |who: SetBy| match source.role() {
            Role::Crm if expected.is_some() => {
                fleet.providers[place].set_by(id, properties(fleet, place), who)
            }
            _ => BTreeSet::new(),
        };
        let doubtful = set_by(SetBy::UserAfterClient);
        let record = SourceRecord {
            source: source.name().to_owned(),
            role: source.role(),
            external_id: id.clone(),
            version_at,
            echoes: set_by(SetBy::Client),
            record: expected,
        };
        truths.push(Truth { record, doubtful, key, person });
    }
}

/// The evidence for a person who reads a difference: the versions and the tickets.
async fn row_without_record(fleet: &Fleet, source: &str, id: &str) -> Option<Value> {
    let row =
        "select to_jsonb(stored) - 'record' from source_record stored where source = $1 and external_id = $2";
    sqlx::query_scalar(row).bind(source).bind(id).fetch_optional(&fleet.pool).await.unwrap()
}

/// The records of these persons at a source that `truths` does not have yet.
async fn made_contacts(fleet: &Fleet, source: &SourceRecords, truths: &[Truth]) -> Vec<String> {
    let persons: Vec<Uuid> = truths.iter().filter_map(|truth| truth.person).collect();
    let known = truths.iter().filter(|truth| truth.record.source == source.name());
    let known: Vec<&str> = known.map(|truth| truth.record.external_id.as_str()).collect();
    let made = "select external_id from source_record where source = $1 and person_id = any ($2) \
                and external_id <> all ($3)";
    let made = sqlx::query_scalar(made).bind(source.name()).bind(persons).bind(known);
    made.fetch_all(&fleet.pool).await.unwrap()
}

/// What a source receives by any version of the file, with the source's own names.
fn properties(fleet: &Fleet, place: usize) -> Vec<(Field, String)> {
    let versions = fleet.configs.iter().flat_map(|config| pushed(config.policy(), fleet, place));
    versions.collect()
}

/// What a source receives by this policy, with the source's own names.
fn pushed(policy: &Policy, fleet: &Fleet, place: usize) -> Vec<(Field, String)> {
    let source = fleet.direct[place].source();
    let Some(push) = source.records.push() else { return Vec::new() };
    let named = |(field, named): (&Field, Option<&str>)| {
        let property = named.or_else(|| push.property(field.as_str()));
        (field.clone(), property.unwrap().to_owned())
    };
    policy.pushed(source.name()).map(named).collect()
}

/// Checks that existing records with the same key belong to one person, or are under review.
async fn keys(fleet: &Fleet, truths: &[Truth], different: &mut Vec<String>) {
    for one in truths.iter().filter(|truth| truth.record.record.is_some()) {
        for other in truths.iter().filter(|truth| truth.record.record.is_some()) {
            let same_key = one.key.is_some() && one.key == other.key;
            let names_person = one.key.is_some() && one.key == other.person.map(|person| person.to_string());
            if (!same_key && !names_person) || one.person == other.person {
                continue;
            }
            if !under_review(fleet, one).await && !under_review(fleet, other).await {
                let ids = (&one.record.external_id, &other.record.external_id);
                different.push(format!("{ids:?} have one key and are two persons"));
            }
        }
    }
}

async fn under_review(fleet: &Fleet, truth: &Truth) -> bool {
    let open =
        "select exists (select from link_review where source = $1 and external_id = $2 and verdict is null)";
    let open = sqlx::query_scalar(open).bind(&truth.record.source).bind(&truth.record.external_id);
    open.fetch_one(&fleet.pool).await.unwrap()
}

fn by_person(truths: &[Truth]) -> BTreeMap<Uuid, Vec<&Truth>> {
    let mut persons: BTreeMap<Uuid, Vec<&Truth>> = BTreeMap::new();
    for truth in truths {
        if let Some(person) = truth.person {
            persons.entry(person).or_default().push(truth);
        }
    }
    persons
}

/// The profiles of a person that are right: one, or one for each way to read the doubtful fields.
fn profiles(policy: &Policy, truths: &[&Truth]) -> Vec<Profile> {
    let doubtful = truths.iter().enumerate();
    let doubtful: Vec<(usize, Field)> = doubtful
        .flat_map(|(number, truth)| truth.doubtful.iter().map(move |field| (number, field.clone())))
        .collect();
    let ways = 0_u32..1 << doubtful.len();
    let profile = |way: u32| {
        let mut records: Vec<SourceRecord> = truths.iter().map(|truth| truth.record.clone()).collect();
        let echoes = doubtful.iter().enumerate().filter(|(bit, _)| way & (1 << bit) != 0);
        for (_, (number, field)) in echoes {
            records[*number].echoes.insert(field.clone());
        }
        Profile::compute(policy, &records)
    };
    ways.map(profile).collect()
}

/// Checks that each person has the values that the policy computes from the providers' records.
async fn persons(fleet: &Fleet, truths: &[Truth], different: &mut Vec<String>) {
    for (person, truths) in by_person(truths) {
        let row = sqlx::query(
            "select status, profile, coalesce((provenance #>> '{email,verified}')::boolean, false), merged_into \
             from person where person_id = $1",
        );
        let Some(row) = row.bind(person).fetch_optional(&fleet.pool).await.unwrap() else {
            different.push(format!("{person} has records and no row"));
            continue;
        };
        let expected = profiles(fleet.newest().policy(), &truths);
        let found = expected.iter().map(|expected| differences_of_row(person, &row, expected));
        // The differences from the nearest of the profiles that are right.
        different.extend(found.min_by_key(Vec::len).unwrap_or_default());
    }
}

fn differences_of_row(person: Uuid, row: &PgRow, expected: &Profile) -> Vec<String> {
    let mut different = Vec::new();
    let status: String = row.get(0);
    if status != expected.status.as_str() || row.get::<Option<Uuid>, _>(3).is_some() {
        different.push(format!("{person} is {status}, should be {}", expected.status.as_str()));
    }
    let stored: BTreeMap<String, Value> = serde_json::from_value(row.get(1)).unwrap();
    let values = expected.fields.iter().map(|(field, believed)| (field.to_string(), believed.value.clone()));
    let values: BTreeMap<String, Value> = values.collect();
    if stored != values {
        different.push(format!("{person}: {stored:?}, should be {values:?}"));
    }
    if row.get::<bool, _>(2) != expected.fields.get("email").is_some_and(|email| email.verified) {
        different.push(format!("{person} email_verified"));
    }
    different
}

/// Checks that a CRM has a contact for each person with an account, with the values of the policy.
async fn contacts(fleet: &Fleet, place: usize, truths: &[Truth], different: &mut Vec<String>) {
    let (policy, crm) = (fleet.newest().policy(), &fleet.providers[place]);
    let name = fleet.forest.sources[place].name.as_str();
    if !policy.targets().any(|target| target == name) {
        return;
    }
    let properties = pushed(policy, fleet, place);
    for (person, truths) in by_person(truths) {
        let Some(view) = fleet.crm_view(name, person).await else { continue };
        let status = view.profile.status.as_str();
        if !matches!(status, "active" | "blocked") {
            continue;
        }
        let Some(contact) = &view.contact else {
            if !view.contact_deleted && !view.under_review {
                let (pushed, key_elsewhere) = (&view.pushed, view.key_elsewhere);
                different.push(format!(
                    "{name} {person} has an account and no contact; pushed {pushed:?}, another contact has its key: {key_elsewhere}"
                ));
            }
            continue;
        };
        if view.pushed.is_none() {
            different.push(format!("{name} {person}: contact {} is not recorded", contact.external_id));
        }
        // Compare with the contact in the CRM, not with the stored one: no life lists the contacts that we created.
        let id = contact.external_id.as_str();
        if !crm.has_contact(id) {
            different.push(format!("{name} {person}: contact {id} is gone"));
            continue;
        }
        let says =
            properties.iter().map(|(field, property)| (field.to_string(), json!(crm.property(id, property))));
        let said = SourceRecord { record: Some(says.collect()), ..contact.clone() };
        let pushes =
            profiles(policy, &truths).into_iter().map(|profile| profile.to_push(policy, name, Some(&said)));
        let to_push = pushes.min_by_key(BTreeMap::len).unwrap_or_default();
        let contested = view.pushed.as_ref().is_some_and(|pushed| pushed.times >= 3);
        if !to_push.is_empty() && !contested {
            let fields: Vec<Field> = to_push.into_keys().collect();
            different.push(format!("{name} {person}: contact {id} differs in {fields:?}"));
        }
        let key = crm.contact_key(id);
        if key != Some(person.to_string()) {
            different.push(format!("{name} {person}: contact {id} has key {key:?}"));
        }
    }
}
