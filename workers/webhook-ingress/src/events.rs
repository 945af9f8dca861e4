//! Makes events of the records that a webhook names: rows for the bus or the outbox, with IDs alone.

use std::collections::BTreeMap;

use event_contract::{INGRESS_SOURCE_PREFIX, IngressChange, IngressEvent, RecordHint};
use postgres_store::IngressRow;
use provider_webhook::{UnreadableBody, WebhookRecord};
use uuid::Uuid;

// No provider's IDs are longer. A longer text may be a name or worse.
const MAX_ID_BYTES: usize = 255;

// Even if each ID is as long as allowed, with every character escaped, the bus accepts the event.
const IDS_OF_AN_EVENT: usize = 40;

// Providers name one record, or a hundred.
const MAX_IDS: usize = 1000;

/// The events about these records: one for each kind, change, bound and account, in parts that the bus accepts.
pub(crate) fn events(source: &str, records: Vec<WebhookRecord>) -> Result<Vec<IngressRow>, UnreadableBody> {
    if records.len() > MAX_IDS {
        return Err(UnreadableBody);
    }
    let mut groups: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for WebhookRecord { kind, hint: RecordHint { id, removed, not_before }, missed, account } in records {
        if missed {
            groups.entry((kind, IngressChange::Missed, None, account)).or_default();
            continue;
        }
        if id.is_empty() || id.len() > MAX_ID_BYTES || id.chars().any(char::is_control) {
            return Err(UnreadableBody);
        }
        let change = if removed { IngressChange::Deleted } else { IngressChange::Changed };
        let ids = groups.entry((kind, change, not_before, account)).or_default();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let mut rows = Vec::new();
    for ((kind, change, not_before, account), ids) in groups {
        let row = |ids: &[String]| IngressRow {
            event_id: Uuid::now_v7(),
            source: format!("{INGRESS_SOURCE_PREFIX}{source}"),
            detail_type: kind.to_owned(),
            event: IngressEvent { ids: ids.to_vec(), change, not_before, account: account.clone() },
        };
        match ids.as_slice() {
            [] => rows.push(row(&[])),
            ids => rows.extend(ids.chunks(IDS_OF_AN_EVENT).map(row)),
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use event_bus::BusEntry;
    use provider_webhook::OTHER_KIND;

    use super::*;

    fn named(id: &str) -> WebhookRecord {
        WebhookRecord::changed(id.to_owned(), OTHER_KIND)
    }

    #[test]
    fn an_event_holds_the_records_of_one_kind_change_and_bound_each_once() {
        let gone = named("c").removed_if(true);
        let rows = events("okta", vec![named("b"), gone, named("a"), named("b")]).unwrap();
        let ids: Vec<(&[String], IngressChange)> =
            rows.iter().map(|row| (row.event.ids.as_slice(), row.event.change)).collect();
        let [a, b, c] = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(ids, [(&[b, a][..], IngressChange::Changed), (&[c][..], IngressChange::Deleted)]);
        assert!(rows.iter().all(|row| row.source == "coppice.ingress.okta" && row.detail_type == OTHER_KIND));
        assert_eq!(events("okta", Vec::new()), Ok(Vec::new()));
    }

    #[test]
    fn missed_events_are_one_event_without_ids() {
        let missed = || WebhookRecord::missed("missed");
        let rows = events("okta", vec![missed(), named("a"), missed()]).unwrap();
        let all: Vec<_> = rows.iter().map(|row| (row.event.change, row.event.ids.join(" "))).collect();
        assert_eq!(all, [(IngressChange::Missed, String::new()), (IngressChange::Changed, "a".to_owned())]);
    }

    #[test]
    fn the_bus_accepts_the_largest_event() {
        let longest = |number: usize| format!("{number:04}{}", "\"".repeat(MAX_ID_BYTES - 4));
        let rows = events("scim", (0..MAX_IDS).map(|it| named(&longest(it))).collect()).unwrap();
        assert_eq!(rows.len(), 25);
        for row in rows {
            assert!(BusEntry::provider(row.source, row.detail_type, &row.event).is_ok());
        }
    }

    #[test]
    fn a_text_without_an_id_s_form_is_refused() {
        for id in ["", "a\nb", "\u{7f}", &"x".repeat(MAX_ID_BYTES + 1)] {
            assert_eq!(events("scim", vec![named(id)]), Err(UnreadableBody));
        }
        assert_eq!(events("scim", vec![named("a"); MAX_IDS + 1]), Err(UnreadableBody));
    }
}
