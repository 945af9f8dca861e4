//! The webhooks that the app gets, personal values included:
//! <https://developers.hubspot.com/docs/api-reference/legacy/webhooks/guide>, signed in version 3:
//! <https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use time::OffsetDateTime;

use super::contact::SimulatedContact;
use crate::SignedWebhook;

/// The account's ID.
pub(crate) const PORTAL: u64 = 62_515;

/// How events name what they are about. It depends on the app's subscriptions, and on the page of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventForm {
    /// `subscriptionType`: `object.creation`, with `objectTypeId`.
    #[default]
    Generic,
    /// The same, named `eventType`.
    GenericEventType,
    /// `subscriptionType`: `contact.creation`.
    Contact,
}

/// A change that the app has subscribed to.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Created,
    Updated,
    Deleted,
    PrivacyDeleted,
    Restored,
    Merged { primary: u64, others: Vec<u64> },
}

/// The events about a change: one for each property of an update.
pub(crate) fn event(
    change: &Change,
    form: EventForm,
    previous: Option<&SimulatedContact>,
    contact: &SimulatedContact,
    at: OffsetDateTime,
    number: &mut u64,
) -> Vec<Value> {
    let mut one = |name: &str, more: Value| {
        *number += 1;
        // A privacy deletion has only the older type.
        let form = if name == "privacyDeletion" { EventForm::Contact } else { form };
        let mut event = json!({
            "eventId": *number,
            "subscriptionId": 138_001,
            "portalId": PORTAL,
            "appId": 28_001,
            "occurredAt": i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default(),
            "attemptNumber": 0,
            "objectId": contact.id,
            "changeSource": "CRM_UI",
        });
        let fields = event.as_object_mut().expect("it is an object");
        match form {
            EventForm::Contact => fields.insert("subscriptionType".into(), format!("contact.{name}").into()),
            EventForm::Generic => fields.insert("subscriptionType".into(), format!("object.{name}").into()),
            EventForm::GenericEventType => fields.insert("eventType".into(), format!("object.{name}").into()),
        };
        if form != EventForm::Contact {
            fields.insert("objectTypeId".into(), "0-1".into());
        }
        fields.extend(more.as_object().cloned().unwrap_or_else(Map::new));
        event
    };
    match change {
        Change::Created => vec![one("creation", json!({"changeFlag": "CREATED"}))],
        Change::Deleted => vec![one("deletion", json!({"changeFlag": "DELETED"}))],
        Change::PrivacyDeleted => vec![one("privacyDeletion", json!({}))],
        Change::Restored => vec![one("restore", json!({}))],
        Change::Merged { primary, others } => {
            let more = json!({"primaryObjectId": primary, "mergedObjectIds": others, "newObjectId": contact.id,
                "numberOfPropertiesMoved": 3});
            vec![one("merge", more)]
        }
        Change::Updated => {
            let before = |name: &String| previous.and_then(|previous| previous.properties.get(name));
            let names = contact.properties.keys().chain(previous.iter().flat_map(|it| it.properties.keys()));
            let changed: std::collections::BTreeSet<&String> =
                names.filter(|name| before(name) != contact.properties.get(*name)).collect();
            let value = |name: &String| contact.properties.get(name).cloned().unwrap_or_default();
            changed
                .into_iter()
                .map(|name| {
                    one("propertyChange", json!({"propertyName": name, "propertyValue": value(name)}))
                })
                .collect()
        }
    }
}

/// Signs these events, as sent to `url` at `at`.
pub(crate) fn signed(url: &str, secret: &str, events: &[Value], at: OffsetDateTime) -> SignedWebhook {
    let body = Value::from(events.to_vec()).to_string();
    let at = (at.unix_timestamp_nanos() / 1_000_000).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length is one");
    [b"POST".as_slice(), url.as_bytes(), body.as_bytes(), at.as_bytes()]
        .iter()
        .for_each(|part| mac.update(part));
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    SignedWebhook {
        headers: vec![("x-hubspot-request-timestamp", at), ("x-hubspot-signature-v3", signature)],
        body,
    }
}
