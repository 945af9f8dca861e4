//! Every fixture with each part replaced by every kind of JSON, or left out. The readers never panic, and never quote a
//! personal value.

use event_contract::Envelope;
use provider_sso::{SsoClient, SsoProvider, SsoUser};
use serde_json::{Value, json};

use crate::fixtures::{auth0, entra, events, okta, scim_at};

/// All values that differ from `value` in one place.
fn mutations(value: &Value) -> Vec<Value> {
    let mut all = vec![
        json!(null),
        json!(-1),
        json!(1.5),
        json!("mara"),
        json!(""),
        json!([]),
        json!({}),
        json!([{"user_id": 1}]),
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

#[test]
fn no_event_makes_a_reader_panic_or_quote_it() {
    let clients = [
        SsoClient::Auth0(auth0()),
        SsoClient::Entra(entra()),
        SsoClient::Okta(okta()),
        SsoClient::Scim(scim_at("http://127.0.0.1:9")),
    ];
    let mut read = 0;
    for (name, body) in events() {
        for mutated in mutations(&serde_json::from_str(&body).unwrap()) {
            let Ok(envelope) = Envelope::parse(&mutated.to_string()) else { continue };
            read += 1;
            let changes = clients.iter().filter_map(|client| client.read_event(&envelope).err());
            let sign_ins = clients.iter().filter_map(|client| client.read_sign_in(&envelope).err());
            for error in changes.chain(sign_ins) {
                let text = format!("{error} {error:?}");
                assert!(!text.contains("mara") && !text.contains("example.org"), "{name}: {text}");
            }
        }
    }
    assert!(read > 3000, "only {read} mutated events were read");
}

#[test]
fn a_stored_source_record_is_read_back() {
    let user = json!({"id": "a|b", "email": null, "email_verified": false, "given_name": null, "family_name": null,
        "display_name": null, "phone": null, "blocked": true, "external_key": null, "identities": []});
    let read: SsoUser = serde_json::from_value(user.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), user);
}
