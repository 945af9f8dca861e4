//! Table `person`: the profile, computed from source records by the policy, with the origin of each field.

use std::collections::HashMap;

use authority::{Field, Profile};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::StoreError;
use crate::bounded::PgConnection;

const MERGED: &str = "merged";

pub(crate) struct PersonRow {
    pub person_id: Uuid,
    pub standing: Standing,
}

pub(crate) enum Standing {
    Own(Profile),
    /// It has no records: they all belong to this other person.
    MergedInto(Uuid),
}

impl Standing {
    const fn profile(&self) -> Option<&Profile> {
        match self {
            Self::Own(profile) => Some(profile),
            Self::MergedInto(_) => None,
        }
    }

    const fn merged_into(&self) -> Option<Uuid> {
        match self {
            Self::Own(_) => None,
            Self::MergedInto(other) => Some(*other),
        }
    }
}

pub(crate) struct ChangedPerson {
    pub person_id: Uuid,
    pub revision: i64,
}

#[derive(Clone, Copy)]
pub(crate) struct LockedPerson {
    pub revision: i64,
    /// All its records belonged to another person.
    pub merged: bool,
}

pub(crate) async fn lock(
    connection: &mut PgConnection,
    persons: &[Uuid],
) -> Result<HashMap<Uuid, LockedPerson>, StoreError> {
    // `no key`: it does not wait for a row that refers to the person, nor does such a row wait for it. The first lock is the one
    // of `rules.rs`, also if no person has a row yet.
    let rows = sqlx::query!(
        r#"with version as materialized (select 1 as one from pg_advisory_xact_lock_shared(hashtext('config'), 0)),
                locked as materialized (select person_id, revision, merged_into from person where person_id = any ($1)
                                        order by person_id for no key update)
           select locked.person_id as "person_id?", locked.revision as "revision?", locked.merged_into
           from version left join locked on true"#,
        persons
    )
    .fetch_all(connection)
    .await?;
    let locked = rows.into_iter().filter_map(|row| {
        let merged = row.merged_into.is_some();
        Some((row.person_id?, LockedPerson { revision: row.revision?, merged }))
    });
    Ok(locked.collect())
}

pub(crate) async fn follow_merges(
    connection: &mut PgConnection,
    merged: &[(Uuid, Uuid)],
) -> Result<(), StoreError> {
    if merged.is_empty() {
        return Ok(());
    }
    let (from, to): (Vec<Uuid>, Vec<Uuid>) = merged.iter().copied().unzip();
    // Every merge stays one step long, so that one step leads to the person who has the records.
    sqlx::query!(
        r#"update person set merged_into = merged.new from unnest($1::uuid[], $2::uuid[]) as merged (old, new)
           where person.merged_into = merged.old and person.person_id <> merged.new"#,
        &from,
        &to
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        r#"update link_review review set candidate_person_id = merged.new
           from unnest($1::uuid[], $2::uuid[]) as merged (old, new)
           where review.candidate_person_id = merged.old
             and not exists (select from link_review other where other.source = review.source
                             and other.external_id = review.external_id and other.candidate_person_id = merged.new)"#,
        &from,
        &to
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn upsert(
    connection: &mut PgConnection,
    rows: &[PersonRow],
) -> Result<Vec<ChangedPerson>, StoreError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.person_id).collect();
    let profiles = || rows.iter().map(|row| row.standing.profile());
    let statuses: Vec<String> = profiles()
        .map(|profile| profile.map_or(MERGED, |profile| profile.status.as_str()).to_owned())
        .collect();
    let values: Vec<Value> = profiles().map(|profile| profile.map_or_else(|| json!({}), values)).collect();
    let provenance: Vec<Value> =
        profiles().map(|profile| profile.map_or_else(|| json!({}), provenance)).collect();
    let merged_into: Vec<Option<Uuid>> = rows.iter().map(|row| row.standing.merged_into()).collect();
    // A person equal to its row is neither written nor returned.
    let changed = sqlx::query!(
        r#"insert into person as stored (person_id, status, profile, provenance, merged_into)
           select * from unnest($1::uuid[], $2::text[], $3::jsonb[], $4::jsonb[], $5::uuid[])
               as new (person_id) order by new.person_id
           on conflict (person_id) do update set
               status = excluded.status, profile = excluded.profile, provenance = excluded.provenance,
               merged_into = excluded.merged_into, revision = stored.revision + 1, updated_at = now()
           where (stored.status, stored.profile, stored.provenance, stored.merged_into)
                 is distinct from
                 (excluded.status, excluded.profile, excluded.provenance, excluded.merged_into)
           returning person_id, revision"#,
        &ids,
        &statuses,
        &values,
        &provenance,
        &merged_into as &[Option<Uuid>]
    )
    .fetch_all(connection)
    .await?;
    Ok(changed
        .into_iter()
        .map(|row| ChangedPerson { person_id: row.person_id, revision: row.revision })
        .collect())
}

fn values(profile: &Profile) -> Value {
    let values =
        profile.fields.iter().map(|(field, believed)| (field.as_str().to_owned(), believed.value.clone()));
    Value::Object(values.collect())
}

pub(crate) fn provenance(profile: &Profile) -> Value {
    // Not the record's version: otherwise each newer version with the same content would write the person.
    let fields = profile.fields.iter().map(|(field, believed)| {
        let mut why =
            json!({ "source": believed.source, "external_id": believed.external_id, "rule": believed.rule });
        // Of other fields, pods of the release before do not know it. They would take it away, and announce the person.
        if field == Field::email() {
            why["verified"] = json!(believed.verified);
        }
        (field.as_str().to_owned(), why)
    });
    Value::Object(fields.collect())
}
