//! Writing one contact at HubSpot: by our key or by its ID, and what a refused value costs.

use std::collections::BTreeMap;

use connectors::{
    Batches, HubSpotClient, ProviderError, Push, RecordWrite, Records, RefusedProperty, Vendor, Written,
};
use provider_http::Outage;
use serde_json::{Value, json};
use simulators::hubspot::{Fault, SimulatedContact};

use crate::fixtures::{SECRET, account, hubspot_at, hubspot_config};
use crate::server::{Server, reply};

const UPSERT: &str = "POST /crm/objects/2026-09/contacts/batch/upsert";
const UPDATE: &str = "POST /crm/objects/2026-09/contacts/batch/update";
const GONE: ProviderError = ProviderError::Invalid { status: 404 };
const BUSY: ProviderError = ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };

fn write(id: Option<&str>, fields: &[(&str, Option<&str>)]) -> RecordWrite {
    let values: BTreeMap<_, _> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
    RecordWrite { id: id.map(str::to_owned), external_key: "P-7".into(), values }
}

const VALUES: [(&str, Option<&str>); 3] =
    [("firstname", Some("Mara")), ("lastname", Some("Quill")), ("email", Some("mara.quill@example.org"))];

fn bad(property: &str, code: &'static str) -> RefusedProperty {
    RefusedProperty { property: property.to_owned(), code }
}

#[tokio::test]
async fn a_contact_is_created_and_then_found_by_our_key() {
    let (account, client) = account().await;
    let first = client.upsert(&write(None, &VALUES)).await.unwrap();
    let second = client.upsert(&write(None, &VALUES)).await.unwrap();
    assert_eq!((first.created, second.created, &first.id), (true, false, &second.id));
    assert_eq!((account.creations(), account.contacts().len()), (1, 1));
    let contact = account.by_key("P-7").unwrap();
    assert_eq!((contact.get("firstname"), contact.get("lastname")), (Some("Mara"), Some("Quill")));
}

#[tokio::test]
async fn a_known_contact_gets_our_key_and_an_empty_text_clears_a_value() {
    let (account, client) = account().await;
    account.put_contact(SimulatedContact::new(7001).with("lifecyclestage", "customer"));
    let fields = [("phone", None), ("firstname", Some(" ")), ("date_of_birth", Some("1988-04-09"))];
    let written = client.upsert(&write(Some("7001"), &fields)).await;
    assert_eq!(written, Ok(Written { id: "7001".into(), created: false, refused: vec![] }));
    let contact = account.by_key("P-7").unwrap();
    assert_eq!((contact.id, contact.get("phone"), contact.get("firstname")), (7001, None, None));
    assert_eq!(
        (contact.get("date_of_birth"), contact.get("lifecyclestage")),
        (Some("1988-04-09"), Some("customer"))
    );
}

#[tokio::test]
async fn the_request_has_one_record_and_a_trace_of_it() {
    let server = Server::start(|_, asked| {
        let other = json!({"id": "7002", "new": false, "objectWriteTraceId": "another"});
        let ours = json!({"id": "7001", "new": true, "objectWriteTraceId": asked.body["inputs"][0]["objectWriteTraceId"]});
        reply(201, &json!({"status": "COMPLETE", "results": [other, ours]}))
    })
    .await;
    let client = hubspot_at(&server.url);
    let phone = [("phone", None)];
    let written = client.upsert(&write(None, &phone)).await;
    assert_eq!(written, Ok(Written { id: "7001".into(), created: true, refused: vec![] }));
    let written = client.upsert(&write(Some("7002"), &phone)).await;
    assert_eq!(written, Ok(Written { id: "7002".into(), created: false, refused: vec![] }));
    let asked = server.asked();
    let inputs = |properties: Value, more: Value| {
        let mut input = json!({"properties": properties, "objectWriteTraceId": "coppice"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"inputs": [input]})
    };
    let by_key = inputs(json!({"phone": ""}), json!({"id": "P-7", "idProperty": "coppice_person_key"}));
    let by_id = inputs(json!({"phone": "", "coppice_person_key": "P-7"}), json!({"id": "7002"}));
    assert_eq!((asked[0].line.as_str(), &asked[0].body), (UPSERT, &by_key));
    assert_eq!((asked[1].line.as_str(), &asked[1].body), (UPDATE, &by_id));
}

#[tokio::test]
async fn an_address_that_another_contact_has_costs_no_other_value() {
    for multi_status in [false, true] {
        let (account, client) = account().await;
        account.set_multi_status(multi_status);
        account.put_contact(SimulatedContact::new(7001).with("email", "mara.quill@example.org"));
        let refused = vec![bad("email", "CONFLICT")];
        let new = client.upsert(&write(None, &VALUES)).await.unwrap();
        assert_eq!((new.created, &new.refused), (true, &refused));
        let contact = account.by_key("P-7").unwrap();
        assert_eq!((contact.get("email"), contact.get("lastname")), (None, Some("Quill")));
        // The address of a contact that was merged into it: a search by address does not show it.
        account.put_contact(SimulatedContact::new(7003).with("email", "other@example.org"));
        account.merge(7003, 7001);
        let again = client.upsert(&write(Some(&new.id), &VALUES)).await.unwrap();
        assert_eq!(again.refused, refused);
        assert_eq!(account.contact(7001), None);
    }
}

#[tokio::test]
async fn values_that_hubspot_does_not_accept_cost_no_other_value() {
    let fields = [("firstname", Some("<Mara>")), ("lastname", Some("Quill")), ("email", Some("mara@"))];
    let refused = [bad("email", "INVALID_EMAIL"), bad("firstname", "INVALID_ALPHA")];
    for multi_status in [false, true] {
        let (account, client) = account().await;
        account.set_multi_status(multi_status);
        account.put_contact(SimulatedContact::bare(7001));
        for id in [None, Some("7001")] {
            let mut written = client.upsert(&write(id, &fields)).await.unwrap();
            written.refused.sort_by_key(|refused| refused.code);
            assert_eq!(
                (written.refused.as_slice(), written.created),
                (&[refused[1].clone(), refused[0].clone()][..], id.is_none())
            );
            let contact = account.contact(written.id.parse().unwrap()).unwrap();
            assert_eq!((contact.get("lastname"), contact.get("email")), (Some("Quill"), None));
            account.purge(contact.id);
            account.put_contact(SimulatedContact::bare(7001));
        }
    }
}

#[tokio::test]
async fn if_no_value_is_accepted_no_contact_is_created() {
    let (account, client) = account().await;
    account.put_contact(SimulatedContact::bare(7001));
    let email = [("email", Some("mara@"))];
    let new = client.upsert(&write(None, &email)).await;
    assert_eq!(new, Err(ProviderError::Refused { code: "INVALID_EMAIL", names_record: true }));
    assert_eq!(account.creations(), 0);
    let known = client.upsert(&write(Some("7001"), &email)).await.unwrap();
    assert_eq!(known.refused, [bad("email", "INVALID_EMAIL")]);
    assert_eq!(account.writes(), 2);
}

#[tokio::test]
async fn a_contact_that_is_merged_archived_or_unknown_is_gone() {
    let (account, client) = account().await;
    for id in [7001, 7002, 7003] {
        account.put_contact(SimulatedContact::new(id));
    }
    account.merge(7001, 7002);
    account.archive(7003);
    for id in ["7001", "7002", "7003", "7004", "../companies"] {
        assert_eq!(client.upsert(&write(Some(id), &VALUES)).await, Err(GONE), "{id}");
    }
    assert_eq!(account.writes(), 4, "what is no ID is not sent");
}

#[tokio::test]
async fn an_error_about_no_value_of_ours_refuses_the_whole_write() {
    let (account, client) = account().await;
    account.require("company");
    let new = client.upsert(&write(None, &VALUES)).await;
    assert_eq!(new, Err(ProviderError::Refused { code: "MISSING_REQUIRED_PROPERTY", names_record: true }));
    // The property of our key is not defined.
    let mut config = hubspot_config(&account.base_url(), account.token());
    config.key_property = "member_no".into();
    let other = HubSpotClient::client(config, |_| {}).unwrap();
    account.put_contact(SimulatedContact::new(7001));
    let known = other.upsert(&write(Some("7001"), &VALUES)).await;
    assert_eq!(known, Err(ProviderError::Refused { code: "PROPERTY_DOESNT_EXIST", names_record: false }));
    let new = other.upsert(&write(None, &VALUES)).await;
    assert_eq!(new, Err(ProviderError::Refused { code: "VALIDATION_ERROR", names_record: false }));
}

#[tokio::test]
async fn a_contact_gets_our_key_once_another_contact_has_lost_it() {
    let (account, client) = account().await;
    account.put_contact(SimulatedContact::new(7001));
    account.put_contact(SimulatedContact::new(7002).with_person_key("P-7"));
    for values in [&VALUES[..], &[]] {
        assert_eq!(client.upsert(&write(Some("7001"), values)).await, Err(BUSY), "as at Salesforce");
    }
    account.archive(7002);
    assert_eq!(client.upsert(&write(Some("7001"), &VALUES)).await.unwrap().id, "7001");
    // A value of ours that has to be unique costs itself alone.
    let rows = r#"Property values were not valid: [{"error":"CONFLICTING_UNIQUE_VALUE","name":"phone"}]"#;
    let body = json!({"category": "VALIDATION_ERROR", "message": rows});
    let server = Server::start(move |_, _| reply(400, &body)).await;
    let written = hubspot_at(&server.url).upsert(&write(Some("7001"), &[("phone", Some("+1"))])).await;
    let refused = written.unwrap().refused;
    assert_eq!((refused[0].property.as_str(), refused[0].code), ("phone", "CONFLICTING_UNIQUE_VALUE"));
}

#[tokio::test]
async fn another_writer_of_the_same_key_passes() {
    let conflict = json!({"category": "CONFLICT", "message": "Contact already exists. Existing ID: 7001"});
    let rows = r#"Property values were not valid: [{"error":"CONFLICTING_UNIQUE_VALUE","name":"coppice_person_key"}]"#;
    let unique = json!({"category": "VALIDATION_ERROR", "message": rows});
    let name = [("firstname", Some("Mara"))];
    for (status, body) in [(409, conflict), (400, unique)] {
        let server = Server::start(move |_, _| reply(status, &body)).await;
        assert_eq!(hubspot_at(&server.url).upsert(&write(None, &name)).await, Err(BUSY), "{status}");
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_reply_without_our_record_is_no_success() {
    let malformed = ProviderError::WHOLE_REPLY_MALFORMED;
    let trace = json!({"id": "7001", "objectWriteTraceId": "another"});
    for (body, expected) in [
        (json!({"status": "COMPLETE", "results": []}), malformed.clone()),
        (json!({"results": [trace]}), malformed.clone()),
        (json!({"results": [{"id": "7001"}, {"id": "7002"}]}), malformed),
        (json!({"results": [{"new": true}]}), ProviderError::Unreadable { field: "id" }),
        (json!({}), ProviderError::Unreadable { field: "results" }),
        (json!({"results": [], "errors": [{"category": "mara"}]}), ProviderError::Invalid { status: 400 }),
    ] {
        let text = body.to_string();
        let server = Server::start(move |_, _| reply(200, &body)).await;
        let written = hubspot_at(&server.url).upsert(&write(None, &VALUES)).await;
        assert_eq!(written, Err(expected), "{text}");
    }
}

#[tokio::test]
async fn a_write_whose_reply_is_lost_creates_one_contact() {
    let (account, client) = account().await;
    account.set_fault(Fault::LostReplies);
    let lost = client.upsert(&write(None, &VALUES)).await;
    assert!(matches!(lost, Err(ProviderError::Unavailable { cause: Outage::Broken, .. })), "{lost:?}");
    account.set_fault(Fault::None);
    let written = client.upsert(&write(None, &VALUES)).await.unwrap();
    assert_eq!((written.created, account.creations()), (false, 1));
}

#[tokio::test]
async fn no_error_repeats_an_address_or_a_text_of_the_answer() {
    let email = "mara.quill@example.org";
    let row = format!(
        r#"[{{"isValid":false,"message":"Email address {email} is invalid","error":"{email}","name":"email"}}]"#
    );
    let message = format!("Property values were not valid: {row}");
    let entry = json!({"status": "error", "category": "VALIDATION_ERROR", "message": message,
        "context": {"ids": [email]}, "correlationId": "8a3f"});
    let conflict = json!({"status": "error", "category": "CONFLICT", "message": format!("{email} exists"), "errors": email});
    let odd = json!({"category": email, "policyName": email, "errors": [{"code": email, "in": email}]});
    let multi = json!({"results": [], "numErrors": 1, "errors": [entry]});
    let mut texts = Vec::new();
    for body in [entry, conflict, odd, multi] {
        for status in [200, 207, 400, 403, 404, 409, 423, 429, 477, 500] {
            let body = body.clone();
            let server = Server::start(move |_, _| reply(status, &body)).await;
            let client = || hubspot_at(&server.url);
            texts.push(format!("{:?}", client().fetch_many(&["7001".to_owned()]).await));
            texts.push(format!("{:?}", client().upsert(&write(None, &VALUES)).await));
            texts.push(format!("{:?}", client().upsert(&write(Some("7001"), &VALUES)).await));
            match client().ping().await {
                Ok(()) => {}
                Err(error) => texts.push(format!("{error} {error:?}")),
            }
        }
    }
    assert!(texts.len() > 100);
    for text in texts {
        assert!(!text.contains("mara") && !text.contains("8a3f") && !text.contains(SECRET), "{text}");
    }
}

#[tokio::test]
async fn a_property_that_the_policy_names_is_written_and_refused_as_any_other() {
    for name in ["preferred_language", "company"] {
        let row = json!([{"error": "INVALID_OPTION", "message": "tlh was not one of en, vi", "name": name}]);
        let body = json!({"category": "VALIDATION_ERROR", "message": format!("Property values were not valid: {row}")});
        let multi = json!({"results": [], "errors": [body]});
        for (status, refusal) in [(400, &body), (200, &multi)] {
            let refusal = refusal.clone();
            let server =
                Server::start(move |_, asked| match asked.body["inputs"][0]["properties"].get(name) {
                    Some(_) => reply(status, &refusal),
                    None => reply(200, &json!({"results": [{"id": "7001"}]})),
                })
                .await;
            let values = [("email", Some("mara@example.org")), (name, Some("tlh"))];
            let written = hubspot_at(&server.url).upsert(&write(Some("7001"), &values)).await;
            let refused = vec![bad(name, "INVALID_OPTION")];
            assert_eq!(written, Ok(Written { id: "7001".into(), created: false, refused }), "{status}");
            // A property that was not sent stays wrong, whatever is left out.
            let other = [("email", Some("mara@example.org"))];
            let server = Server::start({
                let body = body.clone();
                move |_, _| reply(400, &body)
            })
            .await;
            let refused = hubspot_at(&server.url).upsert(&write(Some("7001"), &other)).await;
            let code = "INVALID_OPTION";
            assert_eq!(refused, Err(ProviderError::Refused { code, names_record: true }));
            assert_eq!(server.asked().len(), 1);
        }
    }
}
