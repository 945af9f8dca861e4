//! Explains the value of a field: every rule about it in order, and its result for every record.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::profile::believe;
use crate::{Definition, Field, Policy, Rule, SourceRecord};

/// One rule about a field. Holds personal data: no `Debug`.
#[derive(Clone, PartialEq, Serialize)]
pub struct RuleTrace {
    /// The rule, as the policy has it.
    pub rule: String,
    /// Every record, ordered by source and ID, with the rule's result.
    pub tried: Vec<Tried>,
}

/// A rule's result for a record. Holds personal data: no `Debug`.
#[derive(Clone, PartialEq, Serialize)]
pub struct Tried {
    /// The record's source.
    pub source: String,
    /// The source's ID of the record.
    pub external_id: String,
    /// The record's version, where the source has versions.
    #[serde(with = "time::serde::rfc3339::option")]
    pub version_at: Option<OffsetDateTime>,
    /// The record's value of the field.
    pub value: Option<Value>,
    /// The result.
    pub standing: Standing,
}

/// A rule's result for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Its value is the field's value.
    Won,
    /// Admitted, but another record that the same rule admits is newer.
    Older,
    /// Admitted, but a rule before this one found a value.
    Late,
    /// The rule is about other sources.
    NotNamed,
    /// The record is gone at its source.
    Gone,
    /// The record has no value of the field.
    Silent,
    /// The record's value does not fit the field's type. It counts as missing.
    Unusable,
    /// The value is one that we pushed.
    Echo,
    /// The policy never uses this source's value for the field.
    Never,
    /// The rule requires a verified value, and the source has not verified this one.
    NotVerified,
}

/// [`Profile::compute`](crate::Profile::compute) step by step. Empty if the policy has no rule for the field.
pub fn explain(policy: &Policy, records: &[SourceRecord], field: &Field) -> Vec<RuleTrace> {
    let Some(definition) = policy.definition(field) else { return Vec::new() };
    let mut records: Vec<&SourceRecord> = records.iter().collect();
    records.sort_by_key(|record| (&record.source, &record.external_id));
    let owned: Vec<SourceRecord> = records.iter().copied().cloned().collect();
    let won = believe(policy, &owned, field);
    let mut traces = Vec::new();
    for rule in &definition.from {
        let text = rule.to_string();
        let tried = records.iter().map(|record| {
            let admitted = || match &won {
                // A rule before the winner's admits no record.
                Some(won) if won.rule != text => Standing::Late,
                Some(won) if won.source == record.source && won.external_id == record.external_id => {
                    Standing::Won
                }
                _ => Standing::Older,
            };
            let standing = refusal(definition, rule, record, field).unwrap_or_else(admitted);
            let said = record.assertion(field);
            Tried {
                source: record.source.clone(),
                external_id: record.external_id.clone(),
                version_at: record.version_at,
                value: said
                    .map(|value| definition.usable(value).unwrap_or(Cow::Borrowed(value)).into_owned()),
                standing,
            }
        });
        let tried = tried.collect();
        traces.push(RuleTrace { rule: text, tried });
    }
    traces
}

fn refusal(definition: &Definition, rule: &Rule, record: &SourceRecord, field: &Field) -> Option<Standing> {
    if !rule.is_about(record) {
        return Some(Standing::NotNamed);
    }
    if record.record.is_none() {
        return Some(Standing::Gone);
    }
    let Some(value) = record.assertion(field) else { return Some(Standing::Silent) };
    if definition.usable(value).is_none() {
        Some(Standing::Unusable)
    } else if record.own_assertion(field).is_none() {
        Some(Standing::Echo)
    } else if definition.excludes(record) {
        Some(Standing::Never)
    } else if !rule.condition_holds(record, field) {
        Some(Standing::NotVerified)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::Role;

    fn record(source: &str, role: Role, secs: i64, record: Value) -> SourceRecord {
        SourceRecord {
            source: source.into(),
            role,
            external_id: format!("{source}-{secs}"),
            version_at: OffsetDateTime::from_unix_timestamp(secs).ok(),
            record: (!record.is_null()).then_some(record),
            echoes: BTreeSet::new(),
        }
    }

    #[test]
    fn every_rule_has_a_result_for_every_record() {
        let records = [
            record("auth0", Role::Sso, 1, json!({"email": "old@idp"})),
            record("auth0", Role::Sso, 2, json!({"email": "new@idp"})),
            record("auth0", Role::Sso, 3, Value::Null),
            record("crm", Role::Crm, 9, json!({"email": "a@crm"})),
            record("stripe", Role::Identity, 9, json!({})),
        ];
        let traces = explain(&Policy::default(), &records, Field::email());
        let rules: Vec<&str> = traces.iter().map(|trace| trace.rule.as_str()).collect();
        assert_eq!(rules, ["sso when verified", "sso", "crm"]);
        let standings = |index: usize| -> Vec<Standing> {
            traces[index].tried.iter().map(|tried| tried.standing).collect()
        };
        use Standing::{Gone, Late, NotNamed, NotVerified, Older, Won};
        assert_eq!(standings(0), [NotVerified, NotVerified, Gone, NotNamed, NotNamed]);
        assert_eq!(standings(1), [Older, Won, Gone, NotNamed, NotNamed]);
        assert_eq!(standings(2), [NotNamed, NotNamed, NotNamed, Late, NotNamed]);
    }

    #[test]
    fn a_record_that_is_never_believed_or_has_no_value_is_explained() {
        let policy = Policy::parse(
            "[fields.phone]\ntype = \"phone\"\nfrom = [\"sso\"]\nnever = [\"auth0\"]",
            &["auth0"],
        )
        .unwrap();
        let records = [
            record("auth0", Role::Sso, 1, json!({"phone": "+1"})),
            record("okta", Role::Sso, 1, json!({"phone": " "})),
            record("scim", Role::Sso, 1, json!({"phone": {"home": "+1"}})),
        ];
        let traces = explain(&policy, &records, &"phone".parse().unwrap());
        let standings: Vec<Standing> = traces[0].tried.iter().map(|tried| tried.standing).collect();
        assert_eq!(standings, [Standing::Never, Standing::Silent, Standing::Unusable]);
    }
}
