//! Filters and orders of items: <https://directus.io/docs/guides/connect/filter-rules>. Pure.

use std::cmp::Ordering;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Whether an item passes. `None`: the filter is none that is simulated.
pub(crate) fn passes(item: &Value, filter: &Value) -> Option<bool> {
    let mut passed = true;
    for (name, rule) in filter.as_object()? {
        let passes_one = match name.as_str() {
            "_and" => all(rule.as_array()?.iter().map(|part| passes(item, part)))?,
            "_or" => !all(rule.as_array()?.iter().map(|part| passes(item, part).map(|one| !one)))?,
            // Directus compares no UUIDs.
            "id" if rule.get("_gt").or(rule.get("_gte")).is_some() => return None,
            field => {
                all(rule.as_object()?.iter().map(|(operator, value)| applies(&item[field], operator, value)))?
            }
        };
        passed &= passes_one;
    }
    Some(passed)
}

fn all(mut parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    parts.try_fold(true, |all, part| Some(all & part?))
}

fn applies(own: &Value, operator: &str, value: &Value) -> Option<bool> {
    let order = || if own.is_null() { None } else { Some(compare(own, value)) };
    Some(match operator {
        "_null" => own.is_null(),
        "_nnull" => !own.is_null(),
        "_eq" => order() == Some(Ordering::Equal),
        "_nin" => !value.as_array()?.contains(own),
        "_gt" => order() == Some(Ordering::Greater),
        "_gte" => order().is_some_and(Ordering::is_ge),
        _ => return None,
    })
}

/// Times as times, everything else as text.
pub(crate) fn compare(one: &Value, other: &Value) -> Ordering {
    let (one, other) = (one.as_str().unwrap_or_default(), other.as_str().unwrap_or_default());
    match (OffsetDateTime::parse(one, &Rfc3339), OffsetDateTime::parse(other, &Rfc3339)) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        _ => one.cmp(other),
    }
}
