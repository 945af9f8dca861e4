//! The events of a described API: which are its own, which records they name, and which descriptions are refused.

use connectors::{Described, RecordEvent, SourceEvents, UnreadableEvent, connector};
use event_contract::Envelope;
use provider_webhook::HeaderMap;
use serde_json::{Value, json};
use time::macros::datetime;

use crate::fixtures::rest_settings;

fn settings(events: &Value) -> Value {
    let mut settings = rest_settings("https://benefits.example");
    settings["events"] = events.clone();
    settings
}

fn described(events: &Value) -> Described {
    (connector("rest").unwrap().described)(&settings(events))
}

fn faults(events: &Value) -> Vec<String> {
    let faults = (connector("rest").unwrap().check)(&settings(events));
    faults.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.message)).collect()
}

fn on_bus() -> Value {
    json!({
        "pattern": {"source": ["orchard.benefits"], "detail-type": ["PersonUpdated", "PersonRemoved"]},
        "id": "$.detail.personId",
        "not_before": "$.detail.at",
        "removed": "$['detail-type'] == 'PersonRemoved'"
    })
}

fn event(source: &str, detail_type: &str, detail: &Value) -> Envelope {
    let body = json!({"id": "9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa", "source": source, "detail-type": detail_type,
        "time": "2026-11-30T10:00:00Z", "detail": detail});
    Envelope::parse(&body.to_string()).unwrap()
}

#[test]
fn an_event_on_the_bus_names_its_record() {
    let of = connector("rest").unwrap();
    let source = SourceEvents { bus: described(&on_bus()).bus, ..SourceEvents::of("benefits", of) };
    let read =
        |detail_type: &str, detail: Value| source.read(&event("orchard.benefits", detail_type, &detail));
    let Ok(RecordEvent::Records(hints)) =
        read("PersonRemoved", json!({"personId": 7, "at": "2026-11-30T09:59:58Z"}))
    else {
        panic!()
    };
    assert_eq!((hints.len(), hints[0].id.as_str(), hints[0].removed), (1, "7", true));
    assert_eq!(hints[0].not_before, Some(datetime!(2026-11-30 9:59:58 UTC)));
    let Ok(RecordEvent::Records(hints)) = read("PersonUpdated", json!({"personId": "B-7", "at": "mara"}))
    else {
        panic!()
    };
    assert_eq!((hints[0].id.as_str(), hints[0].removed, hints[0].not_before), ("B-7", false, None));
    for detail in
        [json!({}), json!({"personId": ""}), json!({"personId": {"mara": 1}}), json!({"personId": null})]
    {
        let error = read("PersonUpdated", detail.clone()).unwrap_err();
        assert!(!error.to_string().contains("mara"));
        assert_eq!(error, UnreadableEvent::MissingId { kind: "of a described source" }, "{detail}");
    }
    let foreign = Err(UnreadableEvent::ForeignSource { expected: String::from("benefits") });
    assert_eq!(read("PersonMoved", json!({"personId": "7"})), foreign);
    let other = event("orchard.other", "PersonUpdated", &json!({"personId": "7"}));
    assert_eq!(source.read(&other), foreign);
    let ingress = event("coppice.ingress.benefits", "webhook", &json!({"ids": ["7"], "change": "changed"}));
    assert!(source.read(&ingress).is_ok(), "an event of webhook-ingress has our form");
}

#[test]
fn a_webhook_s_body_names_each_of_its_records_once() {
    let webhook = described(&json!({"id": "$.people[*].id", "removed": "$.type == 'left'"})).webhook.unwrap();
    let read = |body: &str| webhook.read(&HeaderMap::new(), body.as_bytes());
    let named = read(r#"{"type":"left","people":[{"id":1,"name":"x"},{"id":"b"},{"id":1}]}"#).unwrap();
    let ids: Vec<(&str, bool)> = named.iter().map(|it| (it.hint.id.as_str(), it.hint.removed)).collect();
    assert_eq!(ids, [("1", true), ("b", true)]);
    for body in [r#"{"people":[]}"#, r#"{"people":[{"id":1},{"id":{}}]}"#, "[]", "mara", ""] {
        assert!(read(body).is_err(), "{body}");
    }
}

#[test]
fn without_a_table_of_events_there_are_none_on_the_bus() {
    let described = (connector("rest").unwrap().described)(&rest_settings("https://benefits.example"));
    assert!(described.bus.is_none() && described.webhook.is_none());
}

#[test]
fn every_fault_of_the_events_is_named() {
    let with = |pointer: &str, value: Value| {
        let mut events = on_bus();
        *events.pointer_mut(pointer).unwrap() = value;
        faults(&events).join("\n")
    };
    assert_eq!(faults(&on_bus()), [""; 0]);
    for (pointer, value, expected) in [
        ("/id", json!("$.personId"), "/events/id must be below $.detail"),
        ("/id", json!("$.detail.people[0].id"), "/events/id must name members only"),
        ("/id", json!("detail.personId"), "/events/id must be a JSONPath"),
        ("/not_before", json!("$.detail..at"), "/events/not_before must name members only"),
        ("/removed", json!("$.detail.list[0] == 'a'"), "/events/removed must name members only"),
        ("/removed", json!("$.detail.personId.x == 'a'"), "/events names a path and another one below it"),
        ("/pattern/source", json!(["a", "coppice"]), "/events/pattern/source/1 must be a source of your own"),
        (
            "/pattern/source",
            json!(["aws.partner/x"]),
            "/events/pattern/source/0 must be a source of your own",
        ),
    ] {
        let found = with(pointer, value);
        assert!(found.starts_with(expected), "{pointer}: {found}");
    }
    let webhook = |table: Value| faults(&json!({"id": "$.id", "webhook": table})).join("\n");
    for (table, expected) in [
        (json!({"scheme": "hmac-sha256"}), "/events/webhook needs header"),
        (
            json!({"scheme": "authorization", "prefix": "x"}),
            "/events/webhook has no other keys beside scheme",
        ),
        (
            json!({"scheme": "hmac-sha256", "header": "x", "signed": "{body}"}),
            "/events/webhook needs timestamp_header",
        ),
        (
            json!({"scheme": "hmac-sha256", "header": "x", "timestamp_header": "y", "signed": "{body}"}),
            "/events/webhook/signed must have {timestamp} once and {body} once",
        ),
        (
            json!({"scheme": "hmac-sha256", "header": "x", "timestamp_header": "y", "timestamp_format": "rfc3339"}),
            "/events/webhook/timestamp_format must be unix or unix_ms",
        ),
    ] {
        let found = webhook(table);
        assert!(found.starts_with(expected), "{expected}: {found}");
    }
}
