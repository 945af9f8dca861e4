//! What a CRM is to be told of a person.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Believed, Field, Policy, Profile, Role, SourceRecord};

impl Profile {
    /// The fields that the policy pushes, about which another than a CRM is believed, and of which `record`, the CRM's
    /// own, says something else or nothing. Without a record: all that are pushed.
    ///
    /// What a CRM is itself believed about is never told back, and what nobody says leaves the CRM as it is.
    #[must_use]
    pub fn to_push(&self, policy: &Policy, record: Option<&SourceRecord>) -> BTreeMap<Field, String> {
        let told = |(field, believed): (&Field, &Believed)| {
            let value =
                believed.value.as_str().filter(|_| policy.pushes(*field) && believed.role != Role::Crm)?;
            let says = record.and_then(|record| record.assertion(*field)).and_then(Value::as_str);
            (says.map(str::trim) != Some(value.trim())).then(|| (*field, value.to_owned()))
        };
        self.fields.iter().filter_map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn record(source: &str, role: Role, assertions: Value) -> SourceRecord {
        let (source, external_id) = (source.to_owned(), String::from("1"));
        SourceRecord {
            source,
            role,
            external_id,
            version_at: None,
            record: Some(assertions),
            echoes: BTreeSet::new(),
        }
    }

    #[test]
    fn only_what_another_is_believed_about_and_the_crm_says_otherwise_is_told() {
        let idp = record("auth0", Role::Sso, json!({"email": "a@idp", "phone": "+1", "display_name": "A"}));
        let crm = |assertions| record("salesforce", Role::Crm, assertions);
        let told = |crm: SourceRecord| {
            let profile = Profile::compute(&Policy::default(), &[idp.clone(), crm.clone()]);
            let told = profile.to_push(&Policy::default(), Some(&crm));
            told.into_iter().map(|(field, value)| format!("{field}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told(crm(json!({}))), "email=a@idp phone=+1", "the name to show is not pushed");
        assert_eq!(told(crm(json!({"email": "a@crm", "phone": "+1 "}))), "email=a@idp");
        assert_eq!(told(crm(json!({"email": "a@idp", "phone": "+1", "given_name": "Ada"}))), "");
        let profile = Profile::compute(&Policy::default(), std::slice::from_ref(&idp));
        assert_eq!(profile.to_push(&Policy::default(), None).len(), 2);
    }
}
