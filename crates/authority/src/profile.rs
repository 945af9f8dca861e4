//! From records to a profile.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;

use crate::{Field, Policy, Role, SourceRecord};

/// The state of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// May sign in.
    Active,
    /// All accounts are blocked.
    Blocked,
    /// Had an account at the identity provider, and has none now.
    Deleted,
    /// Known to other sources only: never had an account.
    Known,
}

impl Status {
    /// The value of column `person.status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Blocked => "blocked",
            Self::Deleted => "deleted",
            Self::Known => "known",
        }
    }
}

/// A value with its origin. Holds personal data: no `Debug`.
#[derive(Clone, PartialEq)]
pub struct Believed {
    /// The value, in the source's own spelling.
    pub value: Value,
    /// Whether the source has verified it.
    pub verified: bool,
    /// Whose it is.
    pub source: String,
    /// What that source is to us.
    pub role: Role,
    /// In which of its records.
    pub external_id: String,
    /// At which version of the record, where the source has versions.
    pub version_at: Option<OffsetDateTime>,
    /// The rule that chose it, as the policy has it.
    pub rule: String,
}

/// A person's profile. Holds personal data: no `Debug`.
#[derive(Clone, PartialEq)]
pub struct Profile {
    /// What the person may do.
    pub status: Status,
    /// The fields that have a value.
    pub fields: BTreeMap<Field, Believed>,
}

impl Profile {
    /// Computes the profile. The order of `records` does not matter.
    pub fn compute(policy: &Policy, records: &[SourceRecord]) -> Self {
        let believed = |field: &Field| Some((field.clone(), believe(policy, records, field)?));
        let fields = policy.fields().filter_map(|(field, _)| believed(field)).collect();
        Self { status: status(records), fields }
    }

    /// The value of a field as text, where it is one.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.value.as_str()
    }
}

pub(crate) fn believe(policy: &Policy, records: &[SourceRecord], field: &Field) -> Option<Believed> {
    let definition = policy.definition(field)?;
    definition.from.iter().find_map(|rule| {
        let admitted = records
            .iter()
            .filter(|record| rule.admits(record, field) && !definition.excludes(record))
            .filter_map(|record| Some((record, definition.usable(record.own_assertion(field)?)?)));
        // The newest record. On a tie the names decide, so that the order of the records does not matter.
        let (record, value) = admitted
            .min_by_key(|(record, _)| (Reverse(record.newest_by()), &record.source, &record.external_id))?;
        Some(Believed {
            value: value.into_owned(),
            verified: record.vouches_for(field),
            source: record.source.clone(),
            role: record.role,
            external_id: record.external_id.clone(),
            version_at: record.version_at,
            rule: rule.to_string(),
        })
    })
}

fn status(records: &[SourceRecord]) -> Status {
    let mut accounts = records.iter().filter(|record| record.role.has_accounts()).peekable();
    // The identity provider decides while it has a record of the person.
    if accounts.peek().is_none() {
        let gone = !records.is_empty() && records.iter().all(|record| record.record.is_none());
        return if gone { Status::Deleted } else { Status::Known };
    }
    let live: Vec<&SourceRecord> = accounts.filter(|record| record.record.is_some()).collect();
    match live.as_slice() {
        [] => Status::Deleted,
        live if live.iter().all(|record| record.blocked()) => Status::Blocked,
        _ => Status::Active,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use serde_json::json;

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

    fn three() -> Vec<SourceRecord> {
        vec![
            record(
                "auth0",
                Role::Sso,
                10,
                json!({"email": "a@idp", "email_verified": true, "given_name": "Addy"}),
            ),
            record(
                "salesforce",
                Role::Crm,
                30,
                json!({"email": "a@crm", "given_name": "Ada", "phone": "+1",
                "mailing_address": {"city": "Lund"}}),
            ),
            record(
                "stripe",
                Role::Identity,
                20,
                json!({"given_name": "Augusta", "family_name": "King",
                "verification_status": "verified"}),
            ),
        ]
    }

    #[test]
    fn by_default_each_field_comes_from_the_source_with_most_authority() {
        let profile = Profile::compute(&Policy::default(), &three());
        assert_eq!(profile.text("email"), Some("a@idp"));
        assert!(profile.fields["email"].verified);
        assert_eq!(profile.text("given_name"), Some("Augusta"));
        assert_eq!(profile.text("phone"), Some("+1"), "the source with most authority has no phone");
        assert_eq!(profile.fields["mailing_address"].value, json!({"city": "Lund"}));
        let believed = &profile.fields["given_name"];
        assert_eq!((believed.source.as_str(), believed.rule.as_str()), ("stripe", "identity when verified"));
    }

    #[test]
    fn the_order_of_the_records_does_not_matter() {
        let (forth, mut back) = (three(), three());
        back.reverse();
        let policy = Policy::default();
        assert!(Profile::compute(&policy, &forth) == Profile::compute(&policy, &back));
    }

    #[test]
    fn an_echo_is_not_an_assertion() {
        let mut records = three();
        records[1].echoes = ["given_name", "phone"].map(|name| name.parse().unwrap()).into();
        records[2].record = None;
        let profile = Profile::compute(&Policy::default(), &records);
        assert_eq!(profile.text("given_name"), Some("Addy"), "though the CRM comes before it");
        assert_eq!(profile.text("phone"), None);
    }

    #[test]
    fn a_rule_that_requires_verification_ignores_unverified_values() {
        let mut records = three();
        records[2].record.as_mut().unwrap()["verification_status"] = json!("redacted");
        let profile = Profile::compute(&Policy::default(), &records);
        assert_eq!(profile.text("given_name"), Some("Ada"));
    }

    #[test]
    fn without_versions_the_case_that_was_opened_last_is_the_newest() {
        let session = |id: &str, opened_at: &str, name: &str| SourceRecord {
            external_id: id.to_owned(),
            version_at: None,
            ..record(
                "stripe",
                Role::Identity,
                1,
                json!({"verification_status": "verified", "opened_at": opened_at, "given_name": name}),
            )
        };
        let records = [
            session("vs_a", "2026-11-20T15:10:42Z", "Ada"),
            session("vs_b", "2026-11-21T15:10:42+01:00", "Adelina"),
            session("vs_c", "", "Addy"),
        ];
        let profile = Profile::compute(&Policy::default(), &records);
        assert_eq!(profile.text("given_name"), Some("Adelina"));
    }

    #[test]
    fn newest_of_and_never_from() {
        let text = r#"
            [fields.email]
            type = "email"
            from = ["newest of sso, crm"]
            [fields.phone]
            type = "phone"
            from = ["crm", "sso"]
            never = ["salesforce"]
        "#;
        let policy = Policy::parse(text, &["salesforce", "auth0", "okta"]).unwrap();
        let profile = Profile::compute(&policy, &three());
        assert_eq!(profile.text("email"), Some("a@crm"));
        assert!(!profile.fields["email"].verified);
        assert_eq!(profile.text("phone"), None);
    }

    #[test]
    fn a_field_of_the_file_is_believed_in_the_source_s_own_spelling() {
        let text = r#"
            [fields.preferred_language]
            type = "code"
            values = ["en", "sv"]
            from = ["registry", "crm", "sso"]
            [fields.employee]
            type = "boolean"
            from = ["registry"]
            [fields.badge]
            type = "text"
            from = ["registry"]
        "#;
        let policy = Policy::parse(text, &["salesforce", "auth0", "okta"]).unwrap();
        let records = [
            record("auth0", Role::Sso, 1, json!({"preferred_language": "SV"})),
            record("salesforce", Role::Crm, 1, json!({"preferred_language": "tlh"})),
            record("staff", Role::Registry, 1, json!({"preferred_language": 7, "employee": 1, "badge": 42})),
        ];
        let profile = Profile::compute(&policy, &records);
        let language = &profile.fields["preferred_language"];
        assert_eq!(
            (&language.value, language.source.as_str()),
            (&json!("SV"), "auth0"),
            "the others cannot be used"
        );
        assert_eq!(profile.fields["employee"].value, json!(1));
        assert_eq!(profile.fields["badge"].value, json!("42"));
        assert!(Profile::compute(&Policy::default(), &records).fields.is_empty());
    }

    #[test]
    fn the_identity_provider_decides_the_status() {
        let live = |blocked| record("auth0", Role::Sso, 1, json!({"blocked": blocked}));
        let gone = || record("auth0", Role::Sso, 1, Value::Null);
        let crm = || record("salesforce", Role::Crm, 1, json!({}));
        for (records, expected) in [
            (vec![live(false), crm()], Status::Active),
            (vec![live(true), crm()], Status::Blocked),
            (vec![live(true), live(false)], Status::Active),
            (vec![gone(), crm()], Status::Deleted),
            (vec![crm()], Status::Known),
            (vec![record("salesforce", Role::Crm, 1, Value::Null)], Status::Deleted),
        ] {
            assert_eq!(status(&records), expected);
        }
    }

    #[test]
    fn a_record_of_an_internal_system_is_about_a_person_and_no_account() {
        let account = |blocked| record("auth0", Role::Sso, 1, json!({"blocked": blocked}));
        let staff = |blocked: Value| record("staff", Role::Registry, 2, json!({"blocked": blocked}));
        let gone = || record("staff", Role::Registry, 2, Value::Null);
        for (records, expected) in [
            (vec![staff(json!(false))], Status::Known),
            (vec![staff(json!(true))], Status::Known),
            (vec![account(false), staff(json!(true))], Status::Active),
            (vec![account(true), staff(json!(false))], Status::Blocked),
            (vec![account(false), gone()], Status::Active),
            (vec![gone()], Status::Deleted),
        ] {
            assert_eq!(status(&records), expected);
        }
        // Its address counts as verified if it says so, as another source's does.
        let address = |verified: bool| {
            record("staff", Role::Registry, 2, json!({"email": "a@staff", "email_verified": verified}))
        };
        assert!(address(true).vouches_for(Field::email()) && !address(false).vouches_for(Field::email()));
    }

    #[test]
    fn every_status_has_the_word_that_the_database_accepts() {
        let words = [Status::Active, Status::Blocked, Status::Deleted, Status::Known].map(Status::as_str);
        assert_eq!(words, ["active", "blocked", "deleted", "known"]);
    }
}
