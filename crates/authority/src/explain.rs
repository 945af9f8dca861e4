//! Why a field has its value: every rule about it in order, and what each made of every record.

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
    /// Every record that it was tried on, ordered by source and ID.
    pub tried: Vec<Tried>,
}

/// What a rule made of a record. Holds personal data: no `Debug`.
#[derive(Clone, PartialEq, Serialize)]
pub struct Tried {
    /// Whose record.
    pub source: String,
    /// Which of its records.
    pub external_id: String,
    /// At which version, where the source has versions.
    #[serde(with = "time::serde::rfc3339::option")]
    pub version_at: Option<OffsetDateTime>,
    /// What the record says of the field.
    pub value: Option<Value>,
    /// What the rule made of it.
    pub standing: Standing,
}

/// What a rule made of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// This is the value.
    Won,
    /// Admitted, but another record that the same rule admits is newer.
    Older,
    /// Admitted, but a rule before this one found a value.
    Late,
    /// The rule is about other sources.
    NotNamed,
    /// The record is gone at its source.
    Gone,
    /// The record says nothing of the field.
    Silent,
    /// The record says what we have told it.
    Echo,
    /// The policy never believes this source about the field.
    Never,
    /// The rule asks for a verified value, and the source does not vouch for this one.
    NotVerified,
}

/// Explains a field: [`Profile::compute`](crate::Profile::compute) step by step. Empty if the policy believes nobody.
#[must_use]
pub fn explain(policy: &Policy, records: &[SourceRecord], field: Field) -> Vec<RuleTrace> {
    let mut records: Vec<&SourceRecord> = records.iter().collect();
    records.sort_by_key(|record| (&record.source, &record.external_id));
    let owned: Vec<SourceRecord> = records.iter().copied().cloned().collect();
    let won = believe(policy, &owned, field).map(|(_, believed)| believed);
    let mut decided = false;
    let mut traces = Vec::new();
    for rule in policy.rules(field) {
        let text = rule.to_string();
        let wins_here = won.as_ref().is_some_and(|won| won.rule == text);
        let tried = records.iter().map(|record| {
            let standing = match refusal(policy, rule, record, field) {
                Some(refusal) => refusal,
                None if decided => Standing::Late,
                None => match &won {
                    Some(won) if won.source == record.source && won.external_id == record.external_id => {
                        Standing::Won
                    }
                    _ => Standing::Older,
                },
            };
            Tried {
                source: record.source.clone(),
                external_id: record.external_id.clone(),
                version_at: record.version_at,
                value: record.assertion(field).cloned(),
                standing,
            }
        });
        traces.push(RuleTrace { rule: text, tried: tried.collect() });
        decided |= wins_here;
    }
    traces
}

/// Why a rule does not admit a record; `None` if it does.
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
    fn every_rule_says_what_it_made_of_every_record() {
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
        let verdicts = |index: usize| -> Vec<Standing> {
            traces[index].tried.iter().map(|tried| tried.standing).collect()
        };
        use Standing::{Gone, Late, NotNamed, NotVerified, Older, Won};
        assert_eq!(verdicts(0), [NotVerified, NotVerified, Gone, NotNamed, NotNamed]);
        assert_eq!(verdicts(1), [Older, Won, Gone, NotNamed, NotNamed]);
        assert_eq!(verdicts(2), [NotNamed, NotNamed, NotNamed, Late, NotNamed]);
    }

    #[test]
    fn what_is_never_believed_and_what_is_silent_is_said() {
        let text = include_str!("default-policy.toml")
            .replace("[fields.phone]\nfrom", "[fields.phone]\nnever = [\"auth0\"]\nfrom");
        let policy = Policy::parse(&text).unwrap();
        let records = [
            record("auth0", Role::Sso, 1, json!({"phone": "+1"})),
            record("okta", Role::Sso, 1, json!({"phone": " "})),
        ];
        let traces = explain(&policy, &records, Field::Phone);
        let verdicts: Vec<Standing> = traces[0].tried.iter().map(|tried| tried.standing).collect();
        assert_eq!(verdicts, [Standing::Never, Standing::Silent]);
    }
}
