//! `HubSpot`: an array of events, each with the `objectId` of a contact; a merge names all contacts that took part.
//! <https://developers.hubspot.com/docs/api-reference/legacy/webhooks/guide>

use event_contract::IngressChange;
use serde::Deserialize;

use super::{Id, Named, Unreadable, known, parse, text_or_number};

const FAMILY: &str = "contact.";

const KINDS: &[&str] = &[
    "contact.associationChange",
    "contact.creation",
    "contact.deletion",
    "contact.merge",
    "contact.privacyDeletion",
    "contact.propertyChange",
    "contact.restore",
];

const DELETIONS: [&str; 2] = ["contact.deletion", "contact.privacyDeletion"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    subscription_type: String,
    object_id: Option<Id>,
    primary_object_id: Option<Id>,
    #[serde(default)]
    merged_object_ids: Vec<Id>,
    new_object_id: Option<Id>,
}

pub(crate) fn read(body: &[u8]) -> Result<Vec<Named>, Unreadable> {
    let events: Vec<Event> = parse(body)?;
    let mut all = Vec::new();
    for event in events.into_iter().filter(|event| event.subscription_type.starts_with(FAMILY)) {
        all.extend(named(event)?);
    }
    Ok(all)
}

fn named(event: Event) -> Result<Vec<Named>, Unreadable> {
    let kind = known(KINDS, &event.subscription_type);
    let deleted = DELETIONS.contains(&kind);
    let change = if deleted { IngressChange::Deleted } else { IngressChange::Changed };
    let one = [event.object_id, event.primary_object_id, event.new_object_id];
    let ids = one.into_iter().flatten().chain(event.merged_object_ids);
    let named = |id| Ok(Named { change, ..Named::changed(text_or_number(id)?, kind) });
    let all: Vec<Named> = ids.map(named).collect::<Result<_, _>>()?;
    if all.is_empty() { Err(Unreadable) } else { Ok(all) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contact_of_a_batch_is_named() {
        let body = br#"[
            {"subscriptionType":"contact.propertyChange","objectId":7,"propertyName":"email","propertyValue":"x"},
            {"subscriptionType":"contact.merge","primaryObjectId":7,"mergedObjectIds":[8],"newObjectId":9},
            {"subscriptionType":"contact.privacyDeletion","objectId":"10"},
            {"subscriptionType":"deal.creation","objectId":{}}]"#;
        let changed = |id: &str, kind| Named::changed(id.to_owned(), kind);
        let expected = vec![
            changed("7", "contact.propertyChange"),
            changed("7", "contact.merge"),
            changed("9", "contact.merge"),
            changed("8", "contact.merge"),
            Named { change: IngressChange::Deleted, ..changed("10", "contact.privacyDeletion") },
        ];
        assert_eq!(read(body), Ok(expected));
        assert_eq!(read(b"[]"), Ok(Vec::new()));
        for ids in
            ["", r#","objectId":null"#, r#","objectId":[7]"#, r#","objectId":7,"mergedObjectIds":[""]"#]
        {
            let nobody = format!(r#"[{{"subscriptionType":"contact.merge"{ids}}}]"#);
            assert_eq!(read(nobody.as_bytes()), Err(Unreadable), "{ids}");
        }
        assert_eq!(read(b"{}"), Err(Unreadable));
    }
}
