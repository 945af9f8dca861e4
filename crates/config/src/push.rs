//! Checks that a source which receives a field is also read so: the pushed value comes back as a value of that field, and of no other.
//! In: the policy and the sources. Out: faults. Must not know how values are pushed.

use std::collections::BTreeMap;

use authority::{Field, Policy};
use connectors::Properties;

use crate::SourceConfig;
use crate::document::{Document, below};
use crate::fault::Fault;

pub(crate) fn check(
    document: &Document<'_>,
    policy: &Policy,
    sources: &BTreeMap<String, SourceConfig>,
    faults: &mut Vec<Fault>,
) {
    for target in policy.targets() {
        let Some(source) = sources.get(target) else { continue };
        let table = below("/push", target);
        let Some(properties) = source.connector.takes else {
            faults.extend(of_description(source, policy, target).map(|fault| document.fault(&table, fault)));
            continue;
        };
        for (field, property) in policy.pushed(target) {
            let (at, fault) = match property {
                Some(property) => {
                    let at = below(&below(&table, "map"), field.as_str());
                    (at, fault(source, properties, field, property))
                }
                None => (below(&table, "fields"), fault_of_own(source, properties, field)),
            };
            faults.extend(fault.map(|fault| document.fault(&at, fault)));
        }
    }
}

/// What is wrong with values for a source whose description says what it accepts.
fn of_description(source: &SourceConfig, policy: &Policy, target: &str) -> Option<String> {
    let name = &source.name;
    let Some(accepted) = source.accepted() else {
        return Some(format!(
            "{name} accepts no values: its connector {} writes none, or sources.{name}.push is missing",
            source.connector.name
        ));
    };
    let unwritten = policy.pushed(target).find(|(field, _)| !accepted.contains_key(field.as_str()));
    if let Some((field, _)) = unwritten {
        return Some(format!(
            "{field} cannot be written to {name}: sources.{name}.map.{field} must be the path of one member as it stands, such \
             as $.{field}"
        ));
    }
    let named = policy.pushed(target).find_map(|(field, named)| named.map(|_| field))?;
    Some(format!("{named} is written where sources.{name}.map reads it: remove push.{name}.map.{named}"))
}

/// What is wrong with a property that the file names.
fn fault(
    source: &SourceConfig,
    Properties { field_of, pointer }: Properties,
    field: &Field,
    property: &str,
) -> Option<String> {
    let is_own = |other: &&str| other.parse().is_ok_and(|other| source.path_of(&other).is_none());
    let name = &source.name;
    if let Some(other) = field_of(property).filter(|other| *other != field.as_str()).filter(is_own) {
        return Some(format!(
            "{property:?} is read as {other}, or as a part of it: our own value would come back as a value of {name}. Name \
             another property"
        ));
    }
    let is_read = match source.path_of(field) {
        Some(path) => path.eq_ignore_ascii_case(&pointer(property)),
        None => field_of(property) == Some(field.as_str()),
    };
    (!is_read).then(|| {
        format!(
            "{property:?} is not what {field} is read from: its value would be pushed again after each reading. Write \
             sources.{name}.map.{field} = {:?}",
            pointer(property)
        )
    })
}

/// What is wrong with a field that goes to the property of which the connector reads it. Whether there is one, `crm-account` checks.
fn fault_of_own(source: &SourceConfig, properties: Properties, field: &Field) -> Option<String> {
    let path = source.path_of(field)?;
    let property = path.rsplit('/').next().unwrap_or_default();
    let is_own = (properties.field_of)(property) == Some(field.as_str())
        && path.eq_ignore_ascii_case(&(properties.pointer)(property));
    (!is_own).then(|| {
        format!(
            "{field} is read from another property than it is pushed to: name that one as push.{}.map.{field}, or remove \
             sources.{}.map.{field}",
            source.name, source.name
        )
    })
}
