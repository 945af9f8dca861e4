//! What is known of a person, and why each field has its value: the row, its records and the decisions about them; or, for one
//! field, what each rule made of each record. Reads only. The reports hold personal data: no `Debug`, and nothing is logged.
//! Values of a sensitive field are masked, unless the caller asks for them.

use std::collections::BTreeSet;

use authority::{Class, Field, Policy, Role, RuleTrace, SourceRecord, Standing, explain};
use postgres_store::{NamedIdentity, PersonKey, PersonView, Store, TakenDecision};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::serde::rfc3339;
use uuid::Uuid;

use crate::OperationError;

/// A person, with where each value comes from. Holds personal data: no `Debug`.
#[derive(Clone, Serialize)]
pub struct PersonReport {
    /// Our ID.
    pub person_id: Uuid,
    /// Persons that were merged into this one, from the one that was asked for.
    pub merged: Vec<Uuid>,
    /// What the person may do.
    pub status: String,
    /// Rises by one with each change of the row.
    pub revision: i64,
    /// Whether the e-mail address counts as verified.
    pub email_verified: bool,
    /// When the row last changed.
    #[serde(with = "rfc3339")]
    pub updated_at: OffsetDateTime,
    /// Every field of the policy, and every other that the row has a value for.
    pub fields: Vec<FieldReport>,
    /// Every record, tombstones included.
    pub records: Vec<RecordReport>,
    /// The ways to sign in.
    pub identities: Vec<NamedIdentity>,
    /// Decisions about these records, oldest first.
    pub decisions: Vec<TakenDecision>,
}

/// One field of a person. Holds personal data: no `Debug`.
#[derive(Clone, Serialize)]
pub struct FieldReport {
    /// Which field.
    pub field: Field,
    /// Who may see its values. `None`: the policy has no such field any more.
    pub class: Option<Class>,
    /// Its values are not shown: each is [`MASK`].
    pub masked: bool,
    /// What the row says.
    pub value: Option<Value>,
    /// The source of the record that the value comes from.
    pub source: Option<String>,
    /// That record.
    pub external_id: Option<String>,
    /// The source's version of that record.
    #[serde(with = "rfc3339::option")]
    pub version_at: Option<OffsetDateTime>,
    /// When that record last changed here.
    #[serde(with = "rfc3339::option")]
    pub changed_at: Option<OffsetDateTime>,
    /// The rule by which it won.
    pub rule: Option<String>,
    /// What the other records say.
    pub others: Vec<AssertionReport>,
}

/// What a record that did not win says about a field. Holds personal data: no `Debug`.
#[derive(Clone, Serialize)]
pub struct AssertionReport {
    /// The source of the record.
    pub source: String,
    /// The record.
    pub external_id: String,
    /// The source's version of the record.
    #[serde(with = "rfc3339::option")]
    pub version_at: Option<OffsetDateTime>,
    /// What it says.
    pub value: Value,
}

/// One record of a person.
#[derive(Debug, Clone, Serialize)]
pub struct RecordReport {
    /// The source of the record.
    pub source: String,
    /// What the source is for.
    pub role: Role,
    /// The source's ID of the record.
    pub external_id: String,
    /// The source's version.
    #[serde(with = "rfc3339::option")]
    pub version_at: Option<OffsetDateTime>,
    /// When its content last changed here.
    #[serde(with = "rfc3339")]
    pub changed_at: OffsetDateTime,
    /// Whether the source has deleted it.
    pub gone: bool,
}

/// Why a field has its value. Holds personal data: no `Debug`.
#[derive(Clone, Serialize)]
pub struct FieldExplanation {
    /// Our ID of the person.
    pub person_id: Uuid,
    /// Which field.
    pub field: Field,
    /// Who may see its values.
    pub class: Option<Class>,
    /// Its values are not shown: each is [`MASK`].
    pub masked: bool,
    /// What the row says.
    pub stored: Option<Value>,
    /// The value by the policy.
    pub computed: Option<Value>,
    /// Whether the row has that value. It has not after a change of the policy that was not applied.
    pub up_to_date: bool,
    /// Every rule about the field, in order. Empty: the policy admits no source for it.
    pub rules: Vec<RuleTrace>,
}

/// Stands for a value that is not shown.
pub const MASK: &str = "***";

/// Whether the values of a field are masked: those of a sensitive one, and of one that the policy does not have, whose class is
/// unknown.
pub(crate) fn is_masked(policy: &Policy, field: &Field, reveal: bool) -> bool {
    let class = policy.definition(field).map(|definition| definition.class);
    !reveal && !matches!(class, Some(Class::Public | Class::Personal))
}

/// Everything about a person. A merged person's key leads to the one that the records went to. `reveal`: also sensitive values.
///
/// # Errors
/// [`OperationError::NoPerson`], [`OperationError::NoPersonOfRecord`], [`OperationError::Store`].
pub async fn show(store: &Store, key: &PersonKey, reveal: bool) -> Result<PersonReport, OperationError> {
    Ok(PersonReport::new(&store.policy(), view(store, key).await?, reveal))
}

/// Every rule of the store's policy about a field, with what it made of each record.
///
/// # Errors
/// As [`show`].
pub async fn explain_field(
    store: &Store,
    key: &PersonKey,
    field: Field,
    reveal: bool,
) -> Result<FieldExplanation, OperationError> {
    let view = view(store, key).await?;
    let stored = view.person.values.get(&field).cloned();
    let policy = store.policy();
    let rules = explain(&policy, &view.records, &field);
    let computed = rules.iter().flat_map(|rule| &rule.tried).find(|tried| tried.standing == Standing::Won);
    let computed = computed.and_then(|tried| tried.value.clone());
    let class = policy.definition(&field).map(|definition| definition.class);
    let masked = is_masked(&policy, &field, reveal);
    let up_to_date = stored == computed;
    let person_id = view.person.person_id;
    let mut explanation =
        FieldExplanation { person_id, field, class, masked, stored, computed, up_to_date, rules };
    if masked {
        let FieldExplanation { stored, computed, rules, .. } = &mut explanation;
        let tried = rules.iter_mut().flat_map(|rule| &mut rule.tried);
        let values = tried.filter_map(|tried| tried.value.as_mut());
        values.chain(stored).chain(computed).for_each(|value| *value = Value::from(MASK));
    }
    Ok(explanation)
}

async fn view(store: &Store, key: &PersonKey) -> Result<PersonView, OperationError> {
    store.view_person(key).await?.ok_or_else(|| match key.clone() {
        PersonKey::Id(id) => OperationError::NoPerson(id),
        PersonKey::Record { source, external_id } => {
            OperationError::NoPersonOfRecord { source_name: source, external_id }
        }
    })
}

impl PersonReport {
    fn new(policy: &Policy, view: PersonView, reveal: bool) -> Self {
        let declared = policy.fields().map(|(field, _)| field);
        let fields: BTreeSet<&Field> = declared.chain(view.person.values.keys()).collect();
        let fields = fields.into_iter().map(|field| FieldReport::new(policy, &view, field, reveal)).collect();
        let email_verified = view.person.email_verified();
        let records =
            view.records.into_iter().zip(view.changed_at).map(|(record, changed_at)| RecordReport {
                version_at: record.version_at,
                changed_at,
                gone: record.record.is_none(),
                source: record.source,
                role: record.role,
                external_id: record.external_id,
            });
        Self {
            person_id: view.person.person_id,
            merged: view.merged,
            status: view.person.status,
            revision: view.person.revision,
            email_verified,
            updated_at: view.person.updated_at,
            fields,
            records: records.collect(),
            identities: view.identities,
            decisions: view.decisions,
        }
    }
}

impl FieldReport {
    fn new(policy: &Policy, view: &PersonView, field: &Field, reveal: bool) -> Self {
        let masked = is_masked(policy, field, reveal);
        let shown = |value: &Value| if masked { Value::from(MASK) } else { value.clone() };
        let provenance = &view.person.provenance[field.as_str()];
        let text = |key: &str| provenance[key].as_str().map(str::to_owned);
        let (source, external_id) = (text("source"), text("external_id"));
        let is_winner = |record: &SourceRecord| {
            source.as_ref() == Some(&record.source) && external_id.as_ref() == Some(&record.external_id)
        };
        let winner = view.records.iter().zip(&view.changed_at).find(|(record, _)| is_winner(record));
        let version_at = winner.and_then(|(record, _)| record.version_at);
        let others = view.records.iter().filter(|record| !is_winner(record)).filter_map(|record| {
            Some(AssertionReport {
                value: shown(record.assertion(field)?),
                source: record.source.clone(),
                external_id: record.external_id.clone(),
                version_at: record.version_at,
            })
        });
        Self {
            field: field.clone(),
            class: policy.definition(field).map(|definition| definition.class),
            masked,
            value: view.person.values.get(field).map(shown),
            version_at,
            changed_at: winner.map(|(_, changed_at)| *changed_at),
            rule: text("rule"),
            others: others.collect(),
            source,
            external_id,
        }
    }
}
