//! What another policy would change, and its application to every person. Every person is computed from the stored records; no
//! provider is called. A policy is applied batch by batch, each in one transaction, so an interrupted run resumes after the
//! last person that it names.

use std::collections::BTreeMap;

use authority::{Field, Policy};
use postgres_store::{Announce, Author, FieldChange, PersonChange, Store, Write};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::OperationError;
use crate::person::{MASK, is_masked};

/// What a policy would change. The sample holds personal data: no `Debug`.
#[derive(Clone, Serialize, Default)]
pub struct PolicyPreview {
    /// Persons that were computed.
    pub persons: usize,
    /// Persons whose row would change. A change of only where a value comes from counts, too.
    pub would_change: usize,
    /// How many persons would have another value, by field.
    pub by_field: BTreeMap<Field, usize>,
    /// Some of the persons with another value.
    pub sample: Vec<PersonChange>,
    /// Always `false`: the JSON says so.
    pub written: bool,
}

/// What applying a policy did.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyApplied {
    /// Persons that were computed.
    pub persons: usize,
    /// Persons whose row changed.
    pub changed: usize,
    /// Transactions.
    pub batches: usize,
    /// Who applied it.
    pub author: Option<Author>,
    /// The cause that the announcements name.
    pub cause: Uuid,
    /// Always `true`: the JSON says so.
    pub written: bool,
}

/// Counts what `policy` would change for the persons after `after`, reading `batch` at once. At most `sample` are examples.
/// `reveal`: their sensitive values are shown, too.
pub async fn preview(
    store: &Store,
    policy: &Policy,
    mut after: Option<Uuid>,
    batch: u32,
    sample: usize,
    reveal: bool,
) -> Result<PolicyPreview, OperationError> {
    let mut preview = PolicyPreview::default();
    loop {
        let next = store.preview_policy(policy, after, batch).await?;
        preview.persons += next.looked_at;
        preview.would_change += next.changes.len();
        for mut change in next.changes {
            for FieldChange { field, now, then, .. } in &mut change.fields {
                *preview.by_field.entry(field.clone()).or_default() += 1;
                if is_masked(policy, field, reveal) {
                    now.iter_mut().chain(then).for_each(|value| *value = Value::from(MASK));
                }
            }
            if preview.sample.len() < sample && !change.fields.is_empty() {
                preview.sample.push(change);
            }
        }
        match next.last {
            Some(last) => after = Some(last),
            None => return Ok(preview),
        }
    }
}

/// Computes every person after `after` by `policy`, and announces those that change. One transaction for each `batch`.
///
/// # Errors
/// [`OperationError::PolicyInterrupted`] names the person after which a new run resumes.
pub async fn apply(
    store: &Store,
    policy: Policy,
    mut after: Option<Uuid>,
    batch: u32,
    author: Option<Author>,
    announce: Announce,
    proof: &Write,
) -> Result<PolicyApplied, OperationError> {
    let store = store.clone().with_policy(policy);
    let (mut persons, mut changed, mut batches) = (0, 0, 0);
    loop {
        let done = store.apply_policy(after, batch, announce, proof).await;
        let done =
            done.map_err(|error| OperationError::PolicyInterrupted { persons, changed, after, error })?;
        let Some(last) = done.last else {
            return Ok(PolicyApplied {
                persons,
                changed,
                batches,
                author,
                cause: announce.cause,
                written: true,
            });
        };
        after = Some(last);
        persons += done.computed;
        changed += done.changed;
        batches += 1;
    }
}
