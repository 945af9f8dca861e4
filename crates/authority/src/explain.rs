//! Explains the value of a field: every rule about it in order, and its result for every record.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::profile::believe;
use crate::{Field, Policy, Rule, SourceRecord};

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
    /// The value is one that we pushed.
    Echo,
    /// The policy never uses this source's value for the field.
    Never,
    /// The rule requires a verified value, and the source has not verified this one.
    NotVerified,
}

/// [`Profile::compute`](crate::Profile::compute) step by step. Empty if the policy has no rule for the field.
pub fn explain(policy: &Policy, records: &[SourceRecord], field: Field) -> Vec<RuleTrace> {
    let mut records: Vec<&SourceRecord> = records.iter().collect();
    records.sort_by_key(|record| (&record.source, &record.external_id));
    let owned: Vec<SourceRecord> = records.iter().copied().cloned().collect();
    let won = believe(policy, &owned, field).map(|(_, believed)| believed);
    let mut traces = Vec::new();
    for rule in policy.rules(field) {
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
            let standing = refusal(policy, rule, record, field).unwrap_or_else(admitted);
            Tried {
                source: record.source.clone(),
                external_id: record.external_id.clone(),
                version_at: record.version_at,
                value: record.assertion(field).cloned(),
                standing,
            }
        });
        let tried = tried.collect();
        traces.push(RuleTrace { rule: text, tried });
    }
    traces
}

fn refusal(policy: &Policy, rule: &Rule, record: &SourceRecord, field: Field) -> Option<Standing> {
    if !rule.is_about(record) {
        Some(Standing::NotNamed)
    } else if record.record.is_none() {
        Some(Standing::Gone)
    } else if record.assertion(field).is_none() {
        Some(Standing::Silent)
    } else if record.own_assertion(field).is_none() {
        Some(Standing::Echo)
    } else if policy.excludes(field, record) {
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
        let traces = explain(&Policy::default(), &records, Field::Email);
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
        let text = include_str!("default-policy.toml")
            .replace("[fields.phone]\nfrom", "[fields.phone]\nnever = [\"auth0\"]\nfrom");
        let policy = Policy::parse(&text).unwrap();
        let records = [
            record("auth0", Role::Sso, 1, json!({"phone": "+1"})),
            record("okta", Role::Sso, 1, json!({"phone": " "})),
        ];
        let traces = explain(&policy, &records, Field::Phone);
        let standings: Vec<Standing> = traces[0].tried.iter().map(|tried| tried.standing).collect();
        assert_eq!(standings, [Standing::Never, Standing::Silent]);
    }
}
