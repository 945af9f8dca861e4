//! The values to push to a CRM.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Believed, Field, Policy, Profile, Role, SourceRecord};

impl Profile {
    /// The values to push to a contact: of the fields that the policy pushes, those that `record`, the CRM's contact, lacks or
    /// has otherwise. Without a contact: all pushed fields.
    pub fn to_push(&self, policy: &Policy, record: Option<&SourceRecord>) -> BTreeMap<Field, String> {
        let changed = |(field, believed): (&Field, &Believed)| {
            // A value that comes from the CRM is never pushed back. A field without a value leaves the CRM as it is.
            let value =
                believed.value.as_str().filter(|_| policy.pushes(*field) && believed.role != Role::Crm)?;
            let current = record.and_then(|record| record.assertion(*field)).and_then(Value::as_str);
            (current.map(str::trim) != Some(value.trim())).then(|| (*field, value.to_owned()))
        };
        self.fields.iter().filter_map(changed).collect()
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
    fn only_values_of_other_sources_that_the_crm_lacks_are_pushed() {
        let idp = record("auth0", Role::Sso, json!({"email": "a@idp", "phone": "+1", "display_name": "A"}));
        let crm = |assertions| record("salesforce", Role::Crm, assertions);
        let pushed = |crm: SourceRecord| {
            let profile = Profile::compute(&Policy::default(), &[idp.clone(), crm.clone()]);
            let fields = profile.to_push(&Policy::default(), Some(&crm));
            fields.into_iter().map(|(field, value)| format!("{field}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(pushed(crm(json!({}))), "email=a@idp phone=+1", "the display name is not pushed");
        assert_eq!(pushed(crm(json!({"email": "a@crm", "phone": "+1 "}))), "email=a@idp");
        assert_eq!(pushed(crm(json!({"email": "a@idp", "phone": "+1", "given_name": "Ada"}))), "");
        let profile = Profile::compute(&Policy::default(), std::slice::from_ref(&idp));
        assert_eq!(profile.to_push(&Policy::default(), None).len(), 2);
    }
}
