//! What is known of a person, and why each field has its value: the row, its records and the decisions about them; or, for one
//! field, what each rule made of each record. Reads only. The reports hold personal data: no `Debug`, and nothing is logged.

use authority::{Field, Policy, Role, RuleTrace, SourceRecord, Standing, explain};
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
    /// Every field that the row or a record has a value for.
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
    /// What the row says.
    pub stored: Option<Value>,
    /// Every rule about the field, in order. Empty: the policy admits no source for it.
    pub rules: Vec<RuleTrace>,
}

/// Everything about a person. A merged person's key leads to the one that the records went to.
///
/// # Errors
/// [`OperationError::NoPerson`], [`OperationError::NoPersonOfRecord`], [`OperationError::Store`].
pub async fn show(store: &Store, key: &PersonKey) -> Result<PersonReport, OperationError> {
    Ok(PersonReport::new(view(store, key).await?))
}

/// Every rule of `policy` about a field, with what it made of each record.
///
/// # Errors
/// As [`show`].
pub async fn explain_field(
    store: &Store,
    policy: &Policy,
    key: &PersonKey,
    field: Field,
) -> Result<FieldExplanation, OperationError> {
    let view = view(store, key).await?;
    let stored = view.person.values.get(&field).cloned();
    let rules = explain(policy, &view.records, field);
    Ok(FieldExplanation { person_id: view.person.person_id, field, stored, rules })
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
    fn new(view: PersonView) -> Self {
        let fields = Field::ALL.into_iter().filter_map(|field| FieldReport::new(&view, field)).collect();
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
            email_verified: view.person.email_verified,
            updated_at: view.person.updated_at,
            fields,
            records: records.collect(),
            identities: view.identities,
            decisions: view.decisions,
        }
    }
}

impl FieldReport {
    /// `None`: neither the row nor a record has a value.
    fn new(view: &PersonView, field: Field) -> Option<Self> {
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
                value: record.assertion(field)?.clone(),
                source: record.source.clone(),
                external_id: record.external_id.clone(),
                version_at: record.version_at,
            })
        });
        let others: Vec<AssertionReport> = others.collect();
        let value = view.person.values.get(&field).cloned();
        (value.is_some() || !others.is_empty()).then(|| Self {
            field,
            value,
            version_at,
            changed_at: winner.map(|(_, changed_at)| *changed_at),
            rule: text("rule"),
            source,
            external_id,
            others,
        })
    }
}

impl FieldExplanation {
    /// The value by the policy. It differs from `stored` after a change of the policy that was not applied.
    pub fn computed(&self) -> Option<&Value> {
        let tried = self.rules.iter().flat_map(|rule| &rule.tried);
        tried.filter(|tried| tried.standing == Standing::Won).find_map(|tried| tried.value.as_ref())
    }
}
