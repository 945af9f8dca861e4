//! Every fixture with each part replaced by every kind of JSON, or left out. The readers never panic, and never quote a
//! personal value.

use event_contract::Envelope;
use provider_crm::{CrmContact, CrmProvider};
use serde_json::{Value, json};

use crate::fixtures::{events, salesforce};

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
        json!([{"recordIds": ["mara"]}]),
        json!(true),
    ];
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let mut without = fields.clone();
                without.remove(name);
                all.push(Value::Object(without));
                all.extend(mutations(field).into_iter().map(|field| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), field);
                    Value::Object(fields)
                }));
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

#[test]
fn no_event_makes_a_reader_panic_or_quote_it() {
    let salesforce = salesforce();
    let mut read = 0;
    for (name, body) in events() {
        for mutated in mutations(&serde_json::from_str(&body).unwrap()) {
            let Ok(envelope) = Envelope::parse(&mutated.to_string()) else { continue };
            read += 1;
            let Err(error) = salesforce.read_event(&envelope) else { continue };
            let text = format!("{error} {error:?}");
            assert!(!text.contains("mara") && !text.contains("example.org"), "{name}: {text}");
        }
    }
    assert!(read > 1500, "only {read} mutated events were read");
}

#[test]
fn a_stored_source_record_is_read_back() {
    let contact = json!({"id": "a", "external_key": null, "given_name": null, "family_name": "Ostrander",
        "email": null, "phone": null, "birthdate": "1988-04-09", "mailing_address": {"street": null,
        "city": "Port Ellery", "region": null, "postal_code": null, "country": null}});
    let read: CrmContact = serde_json::from_value(contact.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), contact);
}
