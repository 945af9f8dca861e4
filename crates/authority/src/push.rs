//! The values to push to a source.

use std::collections::BTreeMap;

use crate::{Believed, Field, Policy, Profile, SourceRecord};

impl Profile {
    /// The values to push to a record of `target`: of the fields that the policy pushes there, those that `record` lacks or has
    /// otherwise. Without a record: all pushed fields.
    pub fn to_push(
        &self,
        policy: &Policy,
        target: &str,
        record: Option<&SourceRecord>,
    ) -> BTreeMap<Field, String> {
        let changed = |(field, believed): (&Field, &Believed)| {
            // A value is never pushed back to where it comes from. A field without a value leaves the record as it is.
            if !policy.pushes(target, field) || believed.source == target {
                return None;
            }
            let definition = policy.definition(field)?;
            let current = record.and_then(|record| record.assertion(field));
            let differs = !current.is_some_and(|value| definition.same(value, &believed.value));
            let value = believed.value.as_str().map_or_else(|| believed.value.to_string(), str::to_owned);
            differs.then(|| (field.clone(), value))
        };
        self.fields.iter().filter_map(changed).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::Role;

    const PUSH: &str =
        r#"push.salesforce.fields = ["email", "phone", "given_name", "family_name", "birthdate"]"#;

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
        let policy = Policy::parse(PUSH, &["salesforce", "hubspot"]).unwrap();
        let crm = |assertions| record("salesforce", Role::Crm, assertions);
        let pushed = |crm: SourceRecord| {
            let profile = Profile::compute(&policy, &[idp.clone(), crm.clone()]);
            let fields = profile.to_push(&policy, "salesforce", Some(&crm));
            fields.into_iter().map(|(field, value)| format!("{field}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(pushed(crm(json!({}))), "email=a@idp phone=+1", "the display name is not pushed");
        assert_eq!(pushed(crm(json!({"email": "a@crm", "phone": "+1 "}))), "email=a@idp");
        assert_eq!(pushed(crm(json!({"email": "a@idp", "phone": "+1", "given_name": "Ada"}))), "");
        let profile = Profile::compute(&policy, std::slice::from_ref(&idp));
        assert_eq!(profile.to_push(&policy, "salesforce", None).len(), 2);
        assert_eq!(profile.to_push(&policy, "hubspot", None).len(), 0, "nothing is pushed there");
    }

    #[test]
    fn a_value_of_one_crm_is_pushed_to_another_and_not_back() {
        let text = PUSH.replace("push.salesforce", "push.hubspot") + "\n" + PUSH;
        let policy = Policy::parse(&text, &["salesforce", "hubspot"]).unwrap();
        let records = [
            record("salesforce", Role::Crm, json!({"given_name": "Ada"})),
            record("hubspot", Role::Crm, json!({})),
        ];
        let profile = Profile::compute(&policy, &records);
        assert_eq!(profile.to_push(&policy, "salesforce", Some(&records[0])).len(), 0);
        let name: Field = "given_name".parse().unwrap();
        let to_hubspot = profile.to_push(&policy, "hubspot", Some(&records[1]));
        assert_eq!(to_hubspot, BTreeMap::from([(name, String::from("Ada"))]));
    }

    #[test]
    fn a_value_that_the_crm_only_spells_in_a_different_way_is_not_pushed() {
        let text = r#"
            [fields.employee]
            type = "boolean"
            from = ["sso"]
            [push.salesforce]
            fields = ["email", "phone", "given_name", "birthdate", "employee"]
        "#;
        let policy = Policy::parse(text, &["salesforce"]).unwrap();
        let said = json!({"email": "Ada@Example.org", "phone": "(202) 555-0177", "given_name": "Ada",
            "birthdate": "1988-04-09", "employee": true});
        let idp = record("auth0", Role::Sso, said);
        for (crm, expected) in [
            (
                json!({"email": "ada@example.org", "phone": "+12025550177", "given_name": " Ada",
                "birthdate": "1988-04-09T00:00:00Z", "employee": "True"}),
                "",
            ),
            (
                json!({"email": "ada@example.org", "phone": "+12025550178", "given_name": "ada"}),
                "birthdate=1988-04-09 employee=true given_name=Ada phone=(202) 555-0177",
            ),
        ] {
            // The identity provider's values are believed.
            let profile =
                Profile::compute(&policy, &[idp.clone(), record("salesforce", Role::Crm, json!({}))]);
            let fields = profile.to_push(&policy, "salesforce", Some(&record("salesforce", Role::Crm, crm)));
            let fields = fields.into_iter().map(|(field, value)| format!("{field}={value}"));
            assert_eq!(fields.collect::<Vec<_>>().join(" "), expected);
        }
    }
}
