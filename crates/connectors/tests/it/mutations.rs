//! Every recorded event with each part replaced by every kind of JSON, or left out. The readers never panic, and never quote a
//! personal value.

use connectors::{Source, UnreadableEvent};
use event_contract::Envelope;
use provider_http::test_server::NOWHERE;
use serde_json::{Value, json};

use crate::fixtures::{
    auth0, entra, events, hubspot_at, okta, persona_at, read_sign_in, rest_at, salesforce, scim_at, source,
    source_of, stripe_at,
};
use crate::handed_over::{Table, plain};

/// All values that differ from `value` in one place.
fn mutations(value: &Value) -> Vec<Value> {
    let mut all = vec![
        json!(null),
        json!(-1),
        json!(1.5),
        json!("mara"),
        json!(""),
        json!("m\u{e4}ra ostrander"),
        json!([]),
        json!({}),
        json!([{"user_id": 1}]),
        json!([{"recordIds": ["mara"]}]),
        json!(true),
    ];
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let with = |field: Option<Value>| {
                    let mut fields = fields.clone();
                    match field {
                        Some(field) => fields.insert(name.clone(), field),
                        None => fields.remove(name),
                    };
                    Value::Object(fields)
                };
                all.push(with(None));
                all.extend(mutations(field).into_iter().map(|field| with(Some(field))));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                for item in mutations(item) {
                    let mut items = items.clone();
                    items[index] = item;
                    all.push(Value::Array(items));
                }
            }
        }
        _ => {}
    }
    all
}

fn sources() -> [Source; 10] {
    [
        source("auth0", auth0()),
        source("entra", entra()),
        source("okta", okta()),
        source("scim", scim_at(NOWHERE)),
        source("salesforce", salesforce()),
        source("hubspot", hubspot_at(NOWHERE)),
        source_of("stripe", stripe_at(NOWHERE)),
        source_of("persona", persona_at(NOWHERE)),
        source_of("rest", rest_at(NOWHERE)),
        source_of("handed-over", plain(Table::of(&[]))),
    ]
}

/// What each reader says of an event that it refuses.
fn refusals(sources: &[Source], event: &Envelope) -> Vec<UnreadableEvent> {
    let changes = sources.iter().filter_map(|source| source.read_event(event).err());
    let with_sign_ins = sources.iter().filter(|source| source.records.sign_ins().is_some());
    changes.chain(with_sign_ins.filter_map(|source| read_sign_in(source, event).err())).collect()
}

#[test]
fn no_event_makes_a_reader_panic_or_quote_it() {
    let sources = sources();
    let names = connectors::CONNECTORS.iter().map(|connector| connector.name);
    assert!(names.eq(sources.iter().map(Source::name)), "each connector has a reader");
    let mut read = 0;
    for (name, body) in events() {
        for mutated in mutations(&serde_json::from_str(&body).unwrap()) {
            let Ok(envelope) = Envelope::parse(&mutated.to_string()) else { continue };
            read += 1;
            for error in refusals(&sources, &envelope) {
                let text = format!("{error} {error:?}");
                assert!(!text.contains("mara") && !text.contains("example.org"), "{name}: {text}");
            }
        }
    }
    assert!(read > 4500, "only {read} mutated events were read");
}
