//! Preview and application of another policy to all persons, in batches by their key. The preview writes nothing. Applying
//! computes each batch behind the same row locks as workers do, in its own transaction, with how far it has come. It may stop
//! anywhere and resume: a person that already has the policy's values is left as it is.

use std::collections::{BTreeMap, BTreeSet};

use authority::{Field, Policy, Profile};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::recompute::Moves;
use super::view::{self, StoredPerson};
use super::{crm_push, row};
use crate::bounded::PgConnection;
use crate::outbox::{self, Announce};
use crate::proof::Write;
use crate::rules::Rules;
use crate::{Store, StoreError};

/// What a policy would change in one batch of persons.
pub struct PolicyBatch {
    /// The last person of the batch, after which the next one begins. `None`: there are no more.
    pub last: Option<Uuid>,
    /// How many persons were compared.
    pub looked_at: usize,
    /// Persons whose row would change.
    pub changes: Vec<PersonChange>,
}

/// What a policy would change in one person's row. Holds personal data: no `Debug`.
#[derive(Clone, PartialEq, Serialize)]
pub struct PersonChange {
    /// Our ID.
    pub person_id: Uuid,
    /// The fields whose value would change. Empty: only the provenance, the status or the verification of the address would.
    pub fields: Vec<FieldChange>,
}

/// What a policy would change in one field. Holds personal data: no `Debug`.
#[derive(Clone, PartialEq, Serialize)]
pub struct FieldChange {
    /// The field.
    pub field: Field,
    /// The stored value.
    pub now: Option<Value>,
    /// The value under the policy.
    pub then: Option<Value>,
    /// The source of that value.
    pub source: Option<String>,
    /// The rule that would choose it.
    pub rule: Option<String>,
}

/// What applying a policy to one batch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppliedBatch {
    /// The last person of the batch, after which the next one begins. `None`: there are no more.
    pub last: Option<Uuid>,
    /// How many persons were recomputed.
    pub computed: usize,
    /// How many of their rows changed and are announced.
    pub changed: usize,
}

impl Store {
    /// The changes that `policy` would make to the next `limit` persons after `after`. Writes nothing and locks nothing.
    pub async fn preview_policy(
        &self,
        policy: &Policy,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<PolicyBatch, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let persons = persons_after(&mut snapshot, after, limit).await?;
        let stored = view::stored(&mut snapshot, &persons).await?;
        let records = crm_push::records_of_persons(&mut snapshot, &Rules::tried(policy), &persons).await?;
        let changes = stored.iter().filter_map(|stored| {
            let own = records.get(&stored.person_id).map_or(&[][..], Vec::as_slice);
            change(stored, &Profile::compute(policy, own))
        });
        let changes = changes.collect();
        Ok(PolicyBatch { last: persons.last().copied(), looked_at: persons.len(), changes })
    }

    /// Recomputes the next `limit` persons by this version, from where the batch before ended. Announces those whose row changed,
    /// or whose contact differs from it, or is still to be created. A batch without persons is the last one.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing of this batch was written. Another version was applied meanwhile:
    /// [`StoreError::is_other_version`].
    pub async fn compute_config_batch(
        &self,
        version: i64,
        limit: u32,
        announce: Announce,
        _proof: &Write,
    ) -> Result<AppliedBatch, StoreError> {
        let rules = self.rules.get();
        rules.check(Some(version))?;
        let mut transaction = self.pool.begin().await?;
        let persons = persons_after_locked(&mut transaction, version, limit).await?;
        let mut recomputed = self.recompute(&mut transaction, &rules, &persons, &Moves::default()).await?;
        // The version may be the first one that pushes to a source: then a person gets a record there, and need not change for it.
        let without_record = std::mem::take(&mut recomputed.without_record);
        recomputed.also(without_record);
        sqlx::query!(
            "update config_version set computed_through = coalesce($2, computed_through),
                    computed_at = case when $2::uuid is null then coalesce(computed_at, now()) end
             where version = $1",
            version,
            persons.last().copied()
        )
        .execute(&mut *transaction)
        .await?;
        let announcements = recomputed.announcements(|_| Some(announce));
        if !announcements.is_empty() {
            outbox::insert(&mut transaction, &announcements).await?;
        }
        transaction.commit().await?;
        Ok(AppliedBatch {
            last: persons.last().copied(),
            computed: persons.len(),
            changed: recomputed.changed.len(),
        })
    }
}

fn change(stored: &StoredPerson, profile: &Profile) -> Option<PersonChange> {
    let values = profile.fields.iter().map(|(field, believed)| (field.clone(), believed.value.clone()));
    let then = StoredPerson {
        values: values.collect(),
        status: profile.status.as_str().to_owned(),
        provenance: row::provenance(profile),
        ..stored.clone()
    };
    change_of_rows(Some(stored), &then)
}

/// What differs between a person's row and the same row later. `None`: nothing does. A new person has no row before.
pub(crate) fn change_of_rows(stored: Option<&StoredPerson>, then: &StoredPerson) -> Option<PersonChange> {
    let none = BTreeMap::new();
    let now = stored.map_or(&none, |stored| &stored.values);
    // A field that the policy no longer has loses its value.
    let known: BTreeSet<&Field> = now.keys().chain(then.values.keys()).collect();
    let fields = known.into_iter().filter(|&field| now.get(field) != then.values.get(field));
    let fields = fields.map(|field| {
        let text = |of: &str| then.provenance[field.as_str()][of].as_str().map(str::to_owned);
        FieldChange {
            field: field.clone(),
            now: now.get(field).cloned(),
            then: then.values.get(field).cloned(),
            source: text("source"),
            rule: text("rule"),
        }
    });
    let fields: Vec<FieldChange> = fields.collect();
    let same = fields.is_empty()
        && stored.is_some_and(|now| now.status == then.status && now.provenance == then.provenance);
    (!same).then_some(PersonChange { person_id: then.person_id, fields })
}

async fn persons_after(
    connection: &mut PgConnection,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Uuid>, StoreError> {
    // A merged person has no records from which to compute it.
    let persons = sqlx::query_scalar!(
        r#"select person_id from person where person_id > $1 and status <> 'merged' order by person_id limit $2"#,
        after.unwrap_or(Uuid::nil()),
        i64::from(limit)
    )
    .fetch_all(connection)
    .await?;
    Ok(persons)
}

async fn persons_after_locked(
    connection: &mut PgConnection,
    version: i64,
    limit: u32,
) -> Result<Vec<Uuid>, StoreError> {
    // A person that is merged while this waits for its lock is left out. The lock of `rules.rs` comes first, as everywhere.
    let persons = sqlx::query_scalar!(
        r#"with version as materialized (select 1 as one from pg_advisory_xact_lock_shared(hashtext('config'), 0)),
                locked as materialized (
                    select person_id from person
                    where person_id > coalesce((select computed_through from config_version where version = $1), $3)
                      and status <> 'merged' order by person_id limit $2 for no key update)
           select locked.person_id as "person_id!" from version cross join locked order by 1"#,
        version,
        i64::from(limit),
        Uuid::nil()
    )
    .fetch_all(connection)
    .await?;
    Ok(persons)
}
