//! HubSpot's webhooks, from the vendor's request to the hints that the connector reads.

use connectors::hubspot::WEBHOOK;
use connectors::{HubSpotClient, RecordEvent, RecordHint, Source, UnreadableEvent, Vendor};
use event_contract::{Envelope, IngressChange, IngressEvent};
use provider_http::test_server::NOWHERE;
use provider_webhook::{HeaderMap, Secrets, SignedRequest, WebhookRecord};
use serde_json::{Value, json};
use simulators::hubspot::{EventForm, HubSpotSimulator, SimulatedContact};
use time::{Duration, OffsetDateTime};

use crate::fixtures::{SECRET, event, hubspot_at, hubspot_config, source};

const URL: &str = "https://hooks.example.gov/webhooks/hubspot";

/// The records that an authentic webhook with these events names.
fn received(account: &HubSpotSimulator, events: &[Value]) -> Vec<WebhookRecord> {
    let now = OffsetDateTime::now_utc();
    let webhook = account.webhook(URL, SECRET, events, now);
    let mut headers = HeaderMap::new();
    for (name, value) in &webhook.headers {
        headers.insert(*name, value.parse().unwrap());
    }
    let request = SignedRequest {
        method: "POST",
        url: URL,
        path: "/webhooks/hubspot",
        headers: &headers,
        body: webhook.body.as_bytes(),
    };
    let secrets = Secrets::read_list(SECRET, provider_webhook::Keys::Text).unwrap();
    assert_eq!(WEBHOOK.verify(&request, &secrets, now), Ok(()));
    let late = now + Duration::minutes(6);
    assert!(WEBHOOK.verify(&request, &secrets, late).is_err(), "too old");
    (WEBHOOK.read)(&headers, webhook.body.as_bytes()).unwrap()
}

/// The event that `webhook-ingress` publishes for a record.
fn published(record: &WebhookRecord) -> Envelope {
    let RecordHint { id, removed, not_before } = record.hint.clone();
    let change = if removed { IngressChange::Deleted } else { IngressChange::Changed };
    let detail = IngressEvent { ids: vec![id], change, not_before, account: record.account.clone() };
    let envelope = json!({"id": "9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa", "detail-type": record.kind,
        "source": "coppice.ingress.hubspot", "time": "2026-05-01T10:00:00Z", "detail": detail});
    Envelope::parse(&envelope.to_string()).unwrap()
}

fn of_portal(portal: &str) -> Source {
    let mut config = hubspot_config(NOWHERE, SECRET);
    config.portal = Some(portal.to_owned());
    source("hubspot", HubSpotClient::client(config, |_| {}).unwrap())
}

fn hint(id: u64, removed: bool) -> RecordHint {
    RecordHint { id: id.to_string(), removed, not_before: None }
}

#[tokio::test]
async fn the_life_of_a_contact_is_read_in_every_form_of_its_events() {
    for form in [EventForm::Generic, EventForm::GenericEventType, EventForm::Contact] {
        let account = HubSpotSimulator::start().await;
        account.set_event_form(form);
        account.put_contact(SimulatedContact::new(7001));
        account.put_contact(SimulatedContact::new(7002));
        account.take_events();
        let left = account.merge(7001, 7002).id;
        account.purge(left);
        let records = received(&account, &account.take_events());
        let hints: Vec<RecordHint> = records.iter().map(|record| record.hint.clone()).collect();
        // `objectId` and `newObjectId` are the contact that is left.
        let expected = [
            hint(left, false),
            hint(7001, false),
            hint(left, false),
            hint(7002, false),
            hint(7002, true),
            hint(left, true),
        ];
        assert_eq!(hints, expected, "{form:?}");
        assert!(records.iter().all(|record| record.account.as_deref() == Some("62515")));

        account.put_contact(SimulatedContact::new(7003));
        account.update(7003, |contact| *contact = contact.clone().with("city", "Lund"));
        account.archive(7003);
        account.restore(7003);
        let records = received(&account, &account.take_events());
        let kinds: Vec<&str> = records.iter().map(|record| record.kind).collect();
        let expected = ["contact.creation", "contact.propertyChange", "contact.deletion", "contact.restore"];
        assert_eq!(kinds, expected, "{form:?}");
        let bounds: Vec<bool> = records.iter().map(|record| record.hint.not_before.is_some()).collect();
        assert_eq!(bounds, [true, true, false, false], "archiving and restoring do not move the version");
        let contact = account.contact(7003).unwrap();
        assert!(records.iter().all(|record| record.hint.not_before <= Some(contact.updated_at)));
    }
}

#[tokio::test]
async fn deletions_that_are_doubled_and_out_of_order_from_two_accounts_name_our_contacts_only() {
    let account = HubSpotSimulator::start().await;
    account.put_contact(SimulatedContact::new(7001));
    account.archive(7001);
    account.purge(7001);
    let mut events = account.take_events();
    let deletions: Vec<Value> = events.split_off(1);
    let mut foreign = deletions.clone();
    foreign.iter_mut().for_each(|event| event["portalId"] = json!(9));
    let mixed: Vec<Value> =
        deletions.iter().rev().chain(&foreign).chain(&deletions).cloned().chain(events).collect();
    let client = of_portal("62515");
    let read: Vec<_> =
        received(&account, &mixed).iter().map(|record| client.read_event(&published(record))).collect();
    let other = Err(UnreadableEvent::OtherAccount { setting: "portal" });
    let removed = Ok(RecordEvent::Records(vec![hint(7001, true)]));
    assert_eq!(read[..6], [removed.clone(), removed.clone(), other.clone(), other, removed.clone(), removed]);
    let Ok(RecordEvent::Records(created)) = &read[6] else { panic!("{:?}", read[6]) };
    assert!(!created[0].removed && created[0].not_before.is_some());
}

#[test]
fn an_event_is_read_from_any_account_unless_the_setting_names_one() {
    let bound = Some(OffsetDateTime::from_unix_timestamp(1_777_629_599).unwrap());
    let bounded = |id| RecordHint { not_before: bound, ..hint(id, false) };
    let expected = Ok(RecordEvent::Records(vec![bounded(7001), bounded(7002)]));
    let recorded = event("hubspot/ingress");
    assert_eq!(source("hubspot", hubspot_at(NOWHERE)).read_event(&recorded), expected);
    assert_eq!(of_portal("62515").read_event(&recorded), expected);
    let other = UnreadableEvent::OtherAccount { setting: "portal" };
    assert_eq!(of_portal("62516").read_event(&recorded), Err(other));
    // A message of a resync names no account.
    let resync = r#"{"id":"9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa","detail-type":"x","source":"coppice.ingress.hubspot",
        "time":"2026-05-01T10:00:00Z","detail":{"ids":["7001"],"change":"changed"}}"#;
    let expected = Ok(RecordEvent::Records(vec![hint(7001, false)]));
    assert_eq!(of_portal("62515").read_event(&Envelope::parse(resync).unwrap()), expected);
}

#[test]
fn another_system_s_event_or_a_text_that_is_no_id_is_refused() {
    let read = |from: &str, ids: &str| {
        let envelope = format!(
            r#"{{"id":"9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa","detail-type":"x","source":"{from}",
                "time":"2026-05-01T10:00:00Z","detail":{{"ids":[{ids}],"change":"changed"}}}}"#
        );
        source("hubspot", hubspot_at(NOWHERE)).read_event(&Envelope::parse(&envelope).unwrap())
    };
    for ids in [r#""mara""#, r#""7001","7001*""#, r#""0037Q00000HbKmTQAV""#] {
        let refused = Err(UnreadableEvent::NotAnId { of: "a contact of HubSpot" });
        assert_eq!(read("coppice.ingress.hubspot", ids), refused, "{ids}");
    }
    let foreign = Err(UnreadableEvent::ForeignSource { expected: "hubspot".into() });
    assert_eq!(read("coppice.ingress.salesforce", r#""7001""#), foreign);
}
