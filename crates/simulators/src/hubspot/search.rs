//! `POST search`: filters, one sort, and pages up to the 10,000th result.

use std::cmp::{Ordering, Reverse};

use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::call::json_body;
use super::contact::{SYSTEM, SimulatedContact, USUAL, WRITABLE};
use super::refusal::Refusal;
use super::state::State;

const LONGEST_BODY: usize = 3000;
const LARGEST_PAGE: usize = 200;
const MOST_RESULTS: usize = 10_000;
const MOST_GROUPS: usize = 5;
const MOST_FILTERS: usize = 6;
const MOST_FILTERS_IN_ALL: usize = 18;

/// A search.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Search {
    #[serde(default)]
    filter_groups: Vec<Group>,
    #[serde(default)]
    sorts: Vec<Sort>,
    #[serde(default)]
    properties: Option<Vec<String>>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    after: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Group {
    filters: Vec<Filter>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    property_name: String,
    operator: String,
    #[serde(default)]
    value: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Sort {
    /// `lastmodifieddate`, or `-lastmodifieddate`.
    Text(String),
    Object {
        #[serde(rename = "propertyName")]
        property_name: String,
        #[serde(default)]
        direction: Option<String>,
    },
}

impl Search {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        if body.len() > LONGEST_BODY {
            return Err(Refusal::bad("The request body is too long"));
        }
        let search: Self = json_body(body)?;
        let filters = || search.filter_groups.iter().flat_map(|group| &group.filters);
        let too_many = search.filter_groups.len() > MOST_GROUPS
            || search.filter_groups.iter().any(|group| group.filters.len() > MOST_FILTERS)
            || filters().count() > MOST_FILTERS_IN_ALL;
        let known = |name: &str| WRITABLE.contains(&name) || SYSTEM.contains(&name);
        let operators = ["EQ", "NEQ", "LT", "LTE", "GT", "GTE", "HAS_PROPERTY", "NOT_HAS_PROPERTY"];
        if too_many || search.sorts.len() > 1 {
            return Err(Refusal::bad("too many filters or sorts"));
        }
        if filters()
            .any(|filter| !known(&filter.property_name) || !operators.contains(&filter.operator.as_str()))
        {
            return Err(Refusal::bad("There was a problem with the request."));
        }
        if search.page() > LARGEST_PAGE || search.offset()? + search.page() > MOST_RESULTS {
            return Err(Refusal::bad("There was a problem with the request."));
        }
        Ok(search)
    }

    fn page(&self) -> usize {
        self.limit.unwrap_or(10)
    }

    fn offset(&self) -> Result<usize, Refusal> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match self.after.as_ref().filter(|after| !after.is_null()).map(text) {
            None => Ok(0),
            Some(text) if text.is_empty() => Ok(0),
            Some(text) => text.parse().map_err(|_| Refusal::bad("after must be a number")),
        }
    }

    /// Of the index, which may lag, and which has no archived contacts.
    pub(crate) fn answer(&self, state: &State) -> Response {
        let offset = self.offset().unwrap_or_default();
        let mut found: Vec<&SimulatedContact> =
            state.indexed().filter(|contact| self.finds(contact)).collect();
        if let Some(sort) = self.sorts.first() {
            let (property, descending) = sort.order();
            // Contacts with the same value come in no order that a client may rely on: here, the newest first.
            found.sort_by_key(|contact| Reverse(contact.id));
            if descending {
                found.sort_by_cached_key(|contact| Reverse(Comparable::of(contact, property)));
            } else {
                found.sort_by_cached_key(|contact| Comparable::of(contact, property));
            }
        }
        let names =
            self.properties.as_ref().map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
        let names = names.unwrap_or_else(|| USUAL.to_vec());
        let results: Vec<Value> = found
            .iter()
            .skip(offset)
            .take(self.page())
            .map(|contact| contact.to_json(names.iter().copied()))
            .collect();
        let end = offset + results.len();
        let mut body = json!({"total": found.len(), "results": results});
        if end < found.len() {
            body["paging"] = json!({"next": {"after": end.to_string()}});
        }
        Json(body).into_response()
    }

    fn finds(&self, contact: &SimulatedContact) -> bool {
        let group = |group: &Group| group.filters.iter().all(|filter| filter.holds(contact));
        self.filter_groups.is_empty() || self.filter_groups.iter().any(group)
    }
}

impl Sort {
    fn order(&self) -> (&str, bool) {
        match self {
            Self::Text(text) => (text.trim_start_matches('-'), text.starts_with('-')),
            Self::Object { property_name, direction } => {
                (property_name, direction.as_deref() == Some("DESCENDING"))
            }
        }
    }
}

impl Filter {
    fn holds(&self, contact: &SimulatedContact) -> bool {
        let own = Comparable::of(contact, &self.property_name);
        let is_there = own != Comparable::Missing;
        let order = || own.cmp(&self.value.as_deref().map_or(Comparable::Missing, Comparable::read));
        match self.operator.as_str() {
            "HAS_PROPERTY" => is_there,
            "NOT_HAS_PROPERTY" => !is_there,
            "NEQ" => order() != Ordering::Equal,
            _ if !is_there => false,
            "EQ" => order() == Ordering::Equal,
            "LT" => order() == Ordering::Less,
            "LTE" => order() != Ordering::Greater,
            "GT" => order() == Ordering::Greater,
            _ => order() != Ordering::Less,
        }
    }
}

/// A value in its order: a number, a time in milliseconds, or a text in any case.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Comparable {
    Missing,
    Number(i128),
    Text(String),
}

impl Comparable {
    fn of(contact: &SimulatedContact, property: &str) -> Self {
        match property {
            "hs_object_id" => Self::Number(contact.id.into()),
            "lastmodifieddate" => Self::Number(millis(contact.updated_at)),
            "createdate" => Self::Number(millis(contact.created_at)),
            other => contact.value(other).as_deref().map_or(Self::Missing, Self::read),
        }
    }

    fn read(text: &str) -> Self {
        let time = || OffsetDateTime::parse(text, &Rfc3339).ok().map(millis);
        text.parse().ok().or_else(time).map_or_else(|| Self::Text(text.to_lowercase()), Self::Number)
    }
}

const fn millis(time: OffsetDateTime) -> i128 {
    time.unix_timestamp_nanos().div_euclid(1_000_000)
}
