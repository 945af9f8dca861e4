//! Everything stored about one person, for an operator: the row, its records, and how they were linked to it. Reads only, in
//! one snapshot.

use std::collections::BTreeMap;

use authority::{Field, SourceRecord};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::crm_push;
use crate::bounded::PgConnection;
use crate::rules::Rules;
use crate::{Store, StoreError};

/// How an operator names a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonKey {
    /// Our ID.
    Id(Uuid),
    /// A record of the person at a source.
    Record {
        /// The source's name.
        source: String,
        /// The source's ID of the record.
        external_id: String,
    },
}

/// A person's row. Holds personal data: no `Debug`.
#[derive(Clone, PartialEq)]
pub struct StoredPerson {
    /// Our ID.
    pub person_id: Uuid,
    /// Rises by one with every change.
    pub revision: i64,
    /// `active`, `blocked`, `deleted`, `known` or `merged`.
    pub status: String,
    /// The fields that have a value.
    pub values: BTreeMap<Field, Value>,
    /// For each field: source, `external_id` and rule. For the address also `verified`.
    pub provenance: Value,
    /// When the row last changed.
    pub updated_at: OffsetDateTime,
}

/// A way to sign in, and the record that names it. Holds personal data: no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct NamedIdentity {
    /// The source of the record.
    pub source: String,
    /// The record.
    pub external_id: String,
    /// The system that authenticates.
    pub provider: String,
    /// That system's ID of the account.
    pub subject: String,
    /// The connection.
    pub connection: Option<String>,
}

/// A link that was made, refused or undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TakenDecision {
    /// The source of the record.
    pub source: String,
    /// The record.
    pub external_id: String,
    /// The person before. `None`: the record had none.
    pub from_person_id: Option<Uuid>,
    /// The person from then on.
    pub to_person_id: Uuid,
    /// The rule or the operator's action.
    pub reason: String,
    /// The worker or the operator.
    pub author: String,
    /// The operator's explanation.
    pub note: Option<String>,
    /// The time of the decision.
    #[serde(with = "time::serde::rfc3339")]
    pub decided_at: OffsetDateTime,
}

/// Everything about a person. Holds personal data: no `Debug`.
#[derive(Clone, PartialEq)]
pub struct PersonView {
    /// Merged persons, from the one that was asked for up to this one. Empty if it was this one.
    pub merged: Vec<Uuid>,
    /// The row.
    pub person: StoredPerson,
    /// Every record, tombstones included, ordered by source and ID.
    pub records: Vec<SourceRecord>,
    /// When each of these records last changed here, in the same order.
    pub changed_at: Vec<OffsetDateTime>,
    /// The ways to sign in.
    pub identities: Vec<NamedIdentity>,
    /// Decisions about these records, oldest first.
    pub decisions: Vec<TakenDecision>,
}

impl StoredPerson {
    /// Whether the source of the address has verified it.
    pub fn email_verified(&self) -> bool {
        self.provenance[Field::email().as_str()]["verified"] == true
    }
}

impl Store {
    /// Finds a person, and follows its merges.
    pub async fn view_person(&self, key: &PersonKey) -> Result<Option<PersonView>, StoreError> {
        loop {
            let rules = self.rules.get();
            match self.view_by(&rules, key).await {
                Err(error) if error.is_other_version() => self.read_rules().await?,
                done => return done,
            }
        }
    }

    async fn view_by(&self, rules: &Rules, key: &PersonKey) -> Result<Option<PersonView>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let Some(asked) = person_named(&mut snapshot, key).await? else { return Ok(None) };
        let mut merged = merge_path(&mut snapshot, asked).await?;
        let Some(person_id) = merged.pop() else { return Ok(None) };
        let Some(person) = stored(&mut snapshot, &[person_id]).await?.pop() else { return Ok(None) };
        let mut records = crm_push::records_of_persons(&mut snapshot, rules, &[person_id])
            .await?
            .remove(&person_id)
            .unwrap_or_default();
        records
            .sort_by(|one, other| (&one.source, &one.external_id).cmp(&(&other.source, &other.external_id)));
        let changed_at = changed_at(&mut snapshot, person_id).await?;
        let identities = identities(&mut snapshot, person_id).await?;
        let decisions = decisions(&mut snapshot, person_id).await?;
        Ok(Some(PersonView { merged, person, records, changed_at, identities, decisions }))
    }
}

pub(crate) async fn person_named(
    connection: &mut PgConnection,
    key: &PersonKey,
) -> Result<Option<Uuid>, StoreError> {
    match key {
        PersonKey::Id(person_id) => Ok(Some(*person_id)),
        PersonKey::Record { source, external_id } => {
            let person = sqlx::query_scalar!(
                "select person_id from source_record where source = $1 and external_id = $2",
                source,
                external_id
            )
            .fetch_optional(connection)
            .await?;
            Ok(person.flatten())
        }
    }
}

/// A person and the persons into which it was merged; the last one has its records now. Empty: the person does not exist.
pub(crate) async fn merge_path(
    connection: &mut PgConnection,
    person_id: Uuid,
) -> Result<Vec<Uuid>, StoreError> {
    // The limit ends a cycle, which no code here creates.
    let path = sqlx::query_scalar!(
        r#"with recursive path (person_id, merged_into, step) as (
               select person_id, merged_into, 0 from person where person_id = $1
               union all
               select next.person_id, next.merged_into, path.step + 1 from path
               join person next on next.person_id = path.merged_into where path.step < 100)
           select person_id as "person_id!" from path order by step"#,
        person_id
    )
    .fetch_all(connection)
    .await?;
    Ok(path)
}

pub(crate) async fn stored(
    connection: &mut PgConnection,
    persons: &[Uuid],
) -> Result<Vec<StoredPerson>, StoreError> {
    let rows = sqlx::query!(
        r#"select person_id, revision, status, profile, provenance, updated_at
           from person where person_id = any ($1) order by person_id"#,
        persons
    )
    .fetch_all(connection)
    .await?;
    let persons = rows.into_iter().map(|row| StoredPerson {
        person_id: row.person_id,
        revision: row.revision,
        status: row.status,
        values: values(row.profile),
        provenance: row.provenance,
        updated_at: row.updated_at,
    });
    Ok(persons.collect())
}

/// Only this crate writes a profile, so that each key names a field.
fn values(profile: Value) -> BTreeMap<Field, Value> {
    let Value::Object(values) = profile else { return BTreeMap::new() };
    values.into_iter().filter_map(|(name, value)| Some((name.parse().ok()?, value))).collect()
}

async fn changed_at(
    connection: &mut PgConnection,
    person_id: Uuid,
) -> Result<Vec<OffsetDateTime>, StoreError> {
    let rows = sqlx::query!(
        "select source, external_id, changed_at from source_record where person_id = $1",
        person_id
    )
    .fetch_all(connection)
    .await?;
    // In this process's order, as the records are: a database may have a different collation.
    let by_record: BTreeMap<(String, String), OffsetDateTime> =
        rows.into_iter().map(|row| ((row.source, row.external_id), row.changed_at)).collect();
    Ok(by_record.into_values().collect())
}

async fn identities(
    connection: &mut PgConnection,
    person_id: Uuid,
) -> Result<Vec<NamedIdentity>, StoreError> {
    let identities = sqlx::query_as!(
        NamedIdentity,
        r#"select source, external_id, provider, subject, connection from identity where person_id = $1
           order by source, external_id, provider, subject"#,
        person_id
    )
    .fetch_all(connection)
    .await?;
    Ok(identities)
}

async fn decisions(connection: &mut PgConnection, person_id: Uuid) -> Result<Vec<TakenDecision>, StoreError> {
    let decisions = sqlx::query_as!(
        TakenDecision,
        r#"select decision.source, decision.external_id, from_person_id, to_person_id, reason, author, note, decided_at
           from link_decision decision
           where (decision.source, decision.external_id) in
                 (select own.source, own.external_id from source_record own where own.person_id = $1)
           order by decision_id"#,
        person_id
    )
    .fetch_all(connection)
    .await?;
    Ok(decisions)
}
