//! The source's own names of the fields that the policy pushes to it.

use std::collections::BTreeMap;

use authority::{Field, Policy};
use connectors::{Push, RefusedProperty};

/// The property of each field that a source receives. No two fields have the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Properties(BTreeMap<Field, String>);

impl Properties {
    /// Those of a source: as the policy names them, else as the connector does.
    ///
    /// # Errors
    /// Each field that cannot be written there.
    pub(crate) fn of(policy: &Policy, target: &str, push: &dyn Push) -> anyhow::Result<Self> {
        let (mut properties, mut faults) = (BTreeMap::<Field, String>::new(), Vec::new());
        for (field, named) in policy.pushed(target) {
            let Some(property) = named.or_else(|| push.property(field.as_str())) else {
                faults.push(format!(
                    "push.{target}.fields: {field} cannot be written to {target}: name its property as \
                     push.{target}.map.{field}"
                ));
                continue;
            };
            if !push.can_write(property) {
                faults.push(format!(
                    "push.{target}.map.{field}: {property:?} is no property of {target} that can be written: \
                     name another"
                ));
            }
            let same = |(_, other): &(&Field, &String)| other.eq_ignore_ascii_case(property);
            if let Some((other, _)) = properties.iter().find(same) {
                faults.push(format!(
                    "push.{target}.map.{field}: {property:?} is the property of {other} already: name another"
                ));
            }
            properties.insert(field.clone(), property.to_owned());
        }
        anyhow::ensure!(faults.is_empty(), "policy cannot be used:\n  {}", faults.join("\n  "));
        Ok(Self(properties))
    }

    /// The values by property.
    pub(crate) fn values(&self, fields: &BTreeMap<Field, String>) -> BTreeMap<String, Option<String>> {
        // The fields are pushed ones, so that each has a property.
        let named = fields.iter().filter_map(|(field, value)| Some((self.0.get(field)?, value)));
        named.map(|(property, value)| (property.clone(), Some(value.clone()))).collect()
    }

    /// The field of a refused property, with the source's code.
    pub(crate) fn refused(&self, refused: &RefusedProperty) -> Option<(&Field, &'static str)> {
        let field = self.0.iter().find(|(_, property)| **property == refused.property);
        field.map(|(field, _)| (field, refused.code))
    }
}

#[cfg(test)]
mod tests {
    use authority::Role;
    use connectors::{Limits, Mapping, Source, SourceEvents, connector};
    use serde_json::json;

    use super::*;

    fn properties(text: &str) -> Result<Properties, String> {
        let policy = Policy::parse(text, &["salesforce", "hubspot"]).unwrap();
        let salesforce = json!({"url": "https://crm.example.org", "client_id": "x", "client_secret": "x"});
        let hubspot = json!({"token": "x"});
        let target = policy.targets().next().unwrap().to_owned();
        let settings = if target == "salesforce" { salesforce } else { hubspot };
        let events = SourceEvents::of(&target, connector(&target).unwrap());
        let source =
            Source::connect(events, Role::Crm, &settings, Mapping::default(), Limits::default()).unwrap();
        let push = source.records.push().unwrap();
        Properties::of(&policy, &target, push).map_err(|error| error.to_string())
    }

    const LANGUAGE: &str = "[fields.preferred_language]\ntype = \"code\"\nfrom = [\"sso\"]\n";

    #[test]
    fn the_policy_s_name_counts_before_the_connector_s() {
        let field = |name: &str| name.parse::<Field>().unwrap();
        for (target, email, phone, language) in [
            ("salesforce", "Email", "MobilePhone", "Preferred_Language__c"),
            ("hubspot", "email", "mobilephone", "hs_language"),
        ] {
            let text = format!(
                "{LANGUAGE}[push.{target}]\nfields = [\"email\", \"phone\", \"preferred_language\"]\n\
                 map.phone = \"{phone}\"\nmap.preferred_language = \"{language}\""
            );
            let properties = properties(&text).unwrap();
            let fields = ["email", "phone", "preferred_language"].map(|name| (field(name), name.to_owned()));
            let text = |value: &str| Some(value.to_owned());
            let expected = BTreeMap::from([
                (email.to_owned(), text("email")),
                (phone.to_owned(), text("phone")),
                (language.to_owned(), text("preferred_language")),
            ]);
            assert_eq!(properties.values(&fields.into()), expected);
            let refused = RefusedProperty { property: language.to_owned(), code: "INVALID_OPTION" };
            let named = properties.refused(&refused);
            assert_eq!(named, Some((&field("preferred_language"), "INVALID_OPTION")));
        }
    }

    #[test]
    fn a_field_without_a_property_of_its_own_is_refused() {
        let fault = properties(&format!(
            "{LANGUAGE}[push.salesforce]\nfields = [\"display_name\", \"email\", \"preferred_language\", \"phone\"]\n\
             map.phone = \"email\""
        ));
        let expected = "policy cannot be used:\n  \
            push.salesforce.fields: display_name cannot be written to salesforce: name its property as \
            push.salesforce.map.display_name\n  \
            push.salesforce.map.phone: \"email\" is the property of email already: name another\n  \
            push.salesforce.fields: preferred_language cannot be written to salesforce: name its property as \
            push.salesforce.map.preferred_language";
        assert_eq!(fault.unwrap_err(), expected);
        for (target, property) in [
            ("salesforce", "person_key__c"),
            ("salesforce", "ID"),
            ("salesforce", "Account.Name"),
            ("hubspot", "coppice_person_key"),
            ("hubspot", "lifecyclestage"),
            ("hubspot", "Preferred Language"),
        ] {
            let fault = properties(&format!(
                "[push.{target}]\nfields = [\"display_name\"]\nmap.display_name = \"{property}\""
            ));
            let expected = format!(
                "push.{target}.map.display_name: {property:?} is no property of {target} that can be written"
            );
            assert!(fault.clone().unwrap_err().contains(&expected), "{fault:?}");
        }
    }
}
