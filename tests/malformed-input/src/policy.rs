//! The policy file, which an operator writes.

use std::collections::BTreeSet;

use std::sync::LazyLock;

use authority::{Policy, Profile, Role, SourceRecord, explain};
use serde_json::json;

const SOURCES: [&str; 5] = ["auth0", "okta", "salesforce", "scim", "stripe"];

/// The records of a person who has one of every role.
static RECORDS: LazyLock<Vec<SourceRecord>> = LazyLock::new(|| {
    let said = [
        ("auth0", Role::Sso, json!({"email": "a@example.org", "email_verified": true, "given_name": "A"})),
        ("salesforce", Role::Crm, json!({"email": "b@example.org", "phone": "", "birthdate": "1988-04-09"})),
        ("stripe", Role::Identity, json!({"status": "verified", "given_name": "C", "birthdate": null})),
        ("scim", Role::Sso, json!([1])),
    ];
    let record = |(source, role, record): (&str, Role, _)| SourceRecord {
        source: source.to_owned(),
        role,
        external_id: "1".to_owned(),
        version_at: None,
        record: Some(record),
        echoes: BTreeSet::new(),
    };
    said.into_iter().map(record).collect()
});

/// Any text as a policy. A valid policy decides every field. The error of another lists its faults, and may quote it, since
/// the operator wrote it.
pub fn policy_file(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    match Policy::parse(text, &SOURCES) {
        Ok(policy) => {
            for (field, _) in policy.fields() {
                let _ = (explain(&policy, &RECORDS, field), policy.pushes("salesforce", field));
            }
            for record in RECORDS.iter() {
                let _ = policy.trusts_email_of(record);
            }
            let profile = Profile::compute(&policy, &RECORDS);
            for record in RECORDS.iter() {
                let _ = profile.to_push(&policy, &record.source, Some(record));
            }
            assert_eq!(Policy::parse(text, &SOURCES), Ok(policy));
        }
        Err(error) => assert!(!error.faults.is_empty()),
    }
}
