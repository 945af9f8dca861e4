//! Which records a webhook names: one module for each provider's bodies, all pure.
//!
//! In: the bytes of an authentic body. Out: IDs, what happened to them, and a word of our own for the kind of event. A
//! field that is not an ID is skipped as it is read; none is kept, and none is in an error. An event of a kind that is
//! not ours names nobody; one of a kind that is ours and without its ID is unreadable, so that somebody hears of it.

pub(crate) mod auth0;
pub(crate) mod contentful;
pub(crate) mod hubspot;
pub(crate) mod okta;
pub(crate) mod persona;
pub(crate) mod scim;
pub(crate) mod standard;
pub(crate) mod stripe;

use std::collections::BTreeMap;

use event_contract::{INGRESS_SOURCE_PREFIX, IngressChange, IngressEvent};
use postgres_store::IngressRow;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::provider::Provider;

/// The kind of an event that is on none of our lists.
const OTHER: &str = "webhook";

/// No provider's IDs are longer; a name or a text may well be.
const MAX_ID_BYTES: usize = 255;

/// IDs in one event. With each as long as may be, and all of it escaped, the bus still takes it.
const IDS_OF_AN_EVENT: usize = 40;

/// IDs in one webhook. Providers name one, or a hundred.
const MAX_IDS: usize = 1000;

/// One record that a webhook names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub id: String,
    pub kind: &'static str,
    pub change: IngressChange,
    pub not_before: Option<OffsetDateTime>,
}

/// The body is not what the provider sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("body is not an event of this provider")]
pub(crate) struct Unreadable;

impl Named {
    fn changed(id: String, kind: &'static str) -> Self {
        Self { id, kind, change: IngressChange::Changed, not_before: None }
    }
}

/// What stands in an ID's place.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Text(String),
    Other(IgnoredAny),
}

/// The ID of a provider whose IDs are texts.
fn text(id: Option<Id>) -> Result<String, Unreadable> {
    match id {
        Some(Id::Text(text)) if !text.is_empty() => Ok(text),
        _ => Err(Unreadable),
    }
}

/// The same of one whose IDs may be numbers.
fn text_or_number(id: Id) -> Result<String, Unreadable> {
    match id {
        Id::Number(number) => Ok(number.to_string()),
        other => text(Some(other)),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body).map_err(|_| Unreadable)
}

/// Some providers send one event or an array of them, as they are set up.
fn one_or_many<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, Unreadable> {
    match body.trim_ascii_start().first() {
        Some(b'[') => parse(body),
        _ => parse(body).map(|one| vec![one]),
    }
}

/// The provider's word for the kind of event, if it is on our list: nothing that a sender writes gets any further.
fn known(list: &[&'static str], word: &str) -> &'static str {
    list.iter().find(|known| **known == word).copied().unwrap_or(OTHER)
}

fn time_of(text: Option<&str>) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text?, &Rfc3339).ok()
}

/// The events that tell of these records.
///
/// # Errors
/// [`Unreadable`] when something that stands in an ID's place is none.
pub(crate) fn events(provider: Provider, named: Vec<Named>) -> Result<Vec<IngressRow>, Unreadable> {
    if named.len() > MAX_IDS {
        return Err(Unreadable);
    }
    let mut groups: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for Named { id, kind, change, not_before } in named {
        if id.is_empty() || id.len() > MAX_ID_BYTES || id.chars().any(char::is_control) {
            return Err(Unreadable);
        }
        let ids = groups.entry((kind, change == IngressChange::Deleted, not_before)).or_default();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let mut rows = Vec::new();
    for ((kind, deleted, not_before), ids) in groups {
        let change = if deleted { IngressChange::Deleted } else { IngressChange::Changed };
        rows.extend(ids.chunks(IDS_OF_AN_EVENT).map(|ids| IngressRow {
            event_id: Uuid::now_v7(),
            source: format!("{INGRESS_SOURCE_PREFIX}{}", provider.name()),
            detail_type: kind.to_owned(),
            event: IngressEvent { ids: ids.to_vec(), change, not_before },
        }));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use event_bus::BusEntry;

    use super::*;

    fn named(id: &str) -> Named {
        Named::changed(id.to_owned(), OTHER)
    }

    #[test]
    fn records_go_together_by_kind_change_and_time_each_once() {
        let gone = Named { change: IngressChange::Deleted, ..named("c") };
        let rows = events(Provider::Okta, vec![named("b"), gone, named("a"), named("b")]).unwrap();
        let ids: Vec<(&[String], IngressChange)> =
            rows.iter().map(|row| (row.event.ids.as_slice(), row.event.change)).collect();
        let [a, b, c] = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(ids, [(&[b, a][..], IngressChange::Changed), (&[c][..], IngressChange::Deleted)]);
        assert!(rows.iter().all(|row| row.source == "coppice.ingress.okta" && row.detail_type == OTHER));
        assert_eq!(events(Provider::Okta, Vec::new()), Ok(Vec::new()));
    }

    #[test]
    fn the_bus_takes_the_largest_event_that_can_be_made() {
        let longest = |number: usize| format!("{number:04}{}", "\"".repeat(MAX_ID_BYTES - 4));
        let rows = events(Provider::Scim, (0..MAX_IDS).map(|it| named(&longest(it))).collect()).unwrap();
        assert_eq!(rows.len(), 25);
        for row in rows {
            let detail = serde_json::to_string(&row.event).unwrap();
            assert!(BusEntry::provider(row.source, row.detail_type, detail).is_ok());
        }
    }

    #[test]
    fn what_cannot_be_an_id_is_refused() {
        for id in ["", "a\nb", "\u{7f}", &"x".repeat(MAX_ID_BYTES + 1)] {
            assert_eq!(events(Provider::Scim, vec![named(id)]), Err(Unreadable));
        }
        assert_eq!(events(Provider::Scim, vec![named("a"); MAX_IDS + 1]), Err(Unreadable));
    }
}
