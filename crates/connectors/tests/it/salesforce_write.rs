//! Writing one contact: what is sent, and what the result means.

use std::collections::BTreeMap;
use std::time::Duration;

use connectors::{
    Outage, ProviderError, Push, RecordWrite, RefusedProperty, SalesforceAuth, SalesforceClient,
    SalesforceConfig, Vendor, Written,
};
use serde_json::{Value, json};
use simulators::salesforce::SalesforceSimulator;

use crate::fixtures::{MARA, OTTO, salesforce_at, salesforce_config};
use crate::server::{Server, reply};

const BY_ID: &str = "PATCH /services/data/v60.0/composite/sobjects";
const BY_KEY: &str = "PATCH /services/data/v60.0/composite/sobjects/Contact/Person_Key__c";
const BUSY: ProviderError = ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };

fn write(id: Option<&str>, fields: &[(&str, Option<&str>)]) -> RecordWrite {
    let values: BTreeMap<_, _> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
    RecordWrite { id: id.map(str::to_owned), external_key: "P-000731".into(), values }
}

fn failure(code: &str, fields: &[&str]) -> Value {
    json!([{"success": false, "errors": [{"statusCode": code, "message": "mara", "fields": fields}]}])
}

#[tokio::test]
async fn a_known_contact_is_changed_by_its_id() {
    let server =
        Server::start(|_, _| reply(200, &json!([{"id": MARA, "success": true, "errors": []}]))).await;
    let fields =
        [("FirstName", Some("Mara")), ("Phone", None), ("LastName", None), ("Birthdate", Some("1988-04-09"))];
    let written = salesforce_at(&server.url).upsert(&write(Some("0037Q00000HbKmT"), &fields)).await;
    assert_eq!(written, Ok(Written { id: MARA.into(), created: false, refused: vec![] }));
    let [asked] = &server.asked()[..] else { panic!("one request") };
    let record = json!({"attributes": {"type": "Contact"}, "id": MARA, "Person_Key__c": "P-000731",
        "FirstName": "Mara", "Phone": null, "Birthdate": "1988-04-09"});
    assert_eq!(asked.line, BY_ID);
    assert_eq!(asked.body, json!({"allOrNone": false, "records": [record]}));
}

#[tokio::test]
async fn an_unknown_contact_is_found_or_created_by_our_key() {
    for created in [true, false] {
        let body = json!([{"id": MARA, "success": true, "errors": [], "created": created}]);
        let server = Server::start(move |_, _| reply(200, &body)).await;
        let fields = [("LastName", Some("Ostrander")), ("Email", Some("m@example.org"))];
        let written = salesforce_at(&server.url).upsert(&write(None, &fields)).await;
        assert_eq!(written, Ok(Written { id: MARA.into(), created, refused: vec![] }));
        let [asked] = &server.asked()[..] else { panic!("one request") };
        let record = json!({"attributes": {"type": "Contact"}, "Person_Key__c": "P-000731",
            "LastName": "Ostrander", "Email": "m@example.org"});
        assert_eq!((asked.line.as_str(), &asked.body["records"]), (BY_KEY, &json!([record])));
    }
}

#[tokio::test]
async fn only_a_new_contact_without_a_name_is_given_one() {
    for name in [None, Some(" ")] {
        let server = Server::start(|_, asked| match asked.body["records"][0].get("LastName") {
            None => reply(200, &failure("REQUIRED_FIELD_MISSING", &["LastName"])),
            Some(_) => reply(200, &json!([{"id": MARA, "success": true, "errors": [], "created": true}])),
        })
        .await;
        let fields = [("LastName", name), ("FirstName", Some("Mara"))];
        let written = salesforce_at(&server.url).upsert(&write(None, &fields)).await;
        assert_eq!(written, Ok(Written { id: MARA.into(), created: true, refused: vec![] }));
        let names: Vec<_> =
            server.asked().iter().map(|asked| asked.body["records"][0]["LastName"].clone()).collect();
        assert_eq!(names, [Value::Null, json!("\u{2013}")]);
    }
}

#[tokio::test]
async fn an_existing_contact_keeps_its_name() {
    let body = json!([{"id": MARA, "success": true, "errors": [], "created": false}]);
    let server = Server::start(move |_, _| reply(200, &body)).await;
    let fields = [("FirstName", Some("Mara"))];
    assert!(salesforce_at(&server.url).upsert(&write(None, &fields)).await.is_ok());
    let [asked] = &server.asked()[..] else { panic!("one request") };
    assert_eq!(asked.body["records"][0].get("LastName"), None);
}

#[tokio::test]
async fn the_record_s_own_result_says_what_to_do() {
    let limited = ProviderError::RateLimited { retry_after: Duration::from_secs(900) };
    let refused = |code, names_record| ProviderError::Refused { code, names_record };
    let cases = [
        ("UNABLE_TO_LOCK_ROW", BUSY),
        ("DUPLICATE_VALUE", refused("DUPLICATE_VALUE", true)),
        ("DUPLICATE_EXTERNAL_ID", refused("DUPLICATE_EXTERNAL_ID", true)),
        ("REQUEST_LIMIT_EXCEEDED", limited),
        ("ENTITY_IS_DELETED", ProviderError::Invalid { status: 404 }),
        ("INVALID_CROSS_REFERENCE_KEY", refused("INVALID_CROSS_REFERENCE_KEY", false)),
        ("REQUIRED_FIELD_MISSING", refused("REQUIRED_FIELD_MISSING", true)),
        ("INVALID_EMAIL_ADDRESS", refused("INVALID_EMAIL_ADDRESS", true)),
        ("orla@example.org", ProviderError::Invalid { status: 400 }),
    ];
    for (code, expected) in cases {
        for id in [Some(MARA), None] {
            let body = failure(code, &["Email"]);
            let server = Server::start(move |_, _| reply(200, &body)).await;
            let outcome = salesforce_at(&server.url).upsert(&write(id, &[])).await;
            assert_eq!(outcome, Err(expected.clone()), "{code}");
            assert_eq!(server.asked().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_result_without_an_id_is_no_success() {
    let malformed = [json!([]), json!({}), json!([{"success": true}]), json!([{"id": "mara"}])];
    for body in malformed {
        let server = Server::start(move |_, _| reply(200, &body)).await;
        let outcome = salesforce_at(&server.url).upsert(&write(None, &[])).await;
        let refused = matches!(
            outcome,
            Err(ProviderError::Malformed { .. }
                | ProviderError::Unusable { .. }
                | ProviderError::Unreadable { .. })
        );
        assert!(refused, "{outcome:?}");
    }
    let server = Server::start(|_, _| reply(200, &json!([{"success": false, "errors": null}]))).await;
    let outcome = salesforce_at(&server.url).upsert(&write(None, &[])).await;
    assert_eq!(outcome, Err(ProviderError::Invalid { status: 400 }));
}

#[tokio::test]
async fn one_odd_value_of_a_result_costs_itself_alone() {
    let written = Written { id: MARA.to_owned(), created: false, refused: vec![] };
    for body in [
        json!([{"Id": MARA, "SUCCESS": "True", "created": null, "errors": 7}]),
        json!([{"id": [MARA], "success": 1, "created": {}, "errors": [{"statusCode": 7}]}]),
        json!([{"success": true}]),
    ] {
        let text = body.to_string();
        let server = Server::start(move |_, _| reply(200, &body)).await;
        let outcome = salesforce_at(&server.url).upsert(&write(Some(MARA), &[])).await;
        assert_eq!(outcome, Ok(written.clone()), "{text}");
    }
    for error in [
        json!({"statusCode": "INVALID_EMAIL_ADDRESS", "message": {"x": 1}, "fields": "Email"}),
        json!({"STATUSCODE": "INVALID_EMAIL_ADDRESS", "message": "Email: no address", "fields": null}),
    ] {
        let body = json!([{"success": false, "errors": error}]);
        let server = Server::start(move |_, _| reply(200, &body)).await;
        let email = [("Email", Some("mara"))];
        let outcome = salesforce_at(&server.url).upsert(&write(Some(MARA), &email)).await;
        let refused = vec![bad("Email", "INVALID_EMAIL_ADDRESS")];
        assert_eq!(outcome, Ok(Written { refused, ..written.clone() }), "{error}");
    }
}

#[tokio::test]
async fn fields_that_cannot_be_read_cost_no_code() {
    let refused = ProviderError::Refused { code: "STRING_TOO_LONG", names_record: true };
    for (code, fields, expected) in [
        ("UNABLE_TO_LOCK_ROW", json!(7), &BUSY),
        ("UNABLE_TO_LOCK_ROW", json!([{"name": "Email"}]), &BUSY),
        ("STRING_TOO_LONG", json!(["Email", 7]), &refused),
    ] {
        let error = json!({"statusCode": code, "message": "Email: data value too large", "fields": fields});
        let body = json!([{"success": false, "errors": [error]}]);
        let server = Server::start(move |_, _| reply(200, &body)).await;
        let email = [("Email", Some("mara"))];
        let outcome = salesforce_at(&server.url).upsert(&write(Some(MARA), &email)).await;
        assert_eq!(outcome.as_ref(), Err(expected), "{code} {fields}");
    }
}

#[tokio::test]
async fn the_id_of_a_result_is_that_of_the_written_contact() {
    let unreadable = ProviderError::Unreadable { field: "id" };
    let another = ProviderError::WHOLE_REPLY_MALFORMED;
    for (asked, answered, expected) in [
        (None, "mara", &unreadable),
        (None, "003*", &unreadable),
        (Some(MARA), "mara", &unreadable),
        (Some(MARA), OTTO, &another),
    ] {
        let body = json!([{"id": answered, "success": true, "errors": []}]);
        let server = Server::start(move |_, _| reply(200, &body)).await;
        let outcome = salesforce_at(&server.url).upsert(&write(asked, &[])).await;
        assert_eq!(outcome.as_ref(), Err(expected), "{answered}");
    }
}

#[tokio::test]
async fn an_id_that_no_contact_has_is_gone_without_being_sent() {
    let server = Server::start(|_, _| reply(200, &json!([]))).await;
    let outcome = salesforce_at(&server.url).upsert(&write(Some("../Account"), &[])).await;
    assert_eq!(outcome, Err(ProviderError::Invalid { status: 404 }));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_wrong_base_url_is_not_a_contact_that_is_gone() {
    let server = Server::start(|_, _| reply(404, &json!([{"errorCode": "NOT_FOUND"}]))).await;
    let outcome = salesforce_at(&server.url).upsert(&write(Some(MARA), &[])).await;
    assert_eq!(outcome, Err(ProviderError::Refused { code: "NOT_FOUND", names_record: false }));
}

/// Accepts a write that has none of these fields, and else names all of them that it has.
async fn refusing(errors: &'static [(&'static str, &'static str)], message: &'static str) -> Server {
    Server::start(move |_, asked| {
        let record = &asked.body["records"][0];
        let bad: Vec<Value> = errors
            .iter()
            .filter(|(_, field)| record.get(*field).is_some_and(|value| *value != json!("\u{2013}")))
            .map(|(code, field)| {
                let fields = if message.is_empty() { vec![*field] } else { vec![] };
                json!({"statusCode": code, "message": format!("{field}{message}"), "fields": fields})
            })
            .collect();
        match (bad.is_empty(), record.get("LastName")) {
            (false, _) => reply(200, &json!([{"success": false, "errors": bad}])),
            (true, None) if asked.line == BY_KEY => {
                reply(200, &failure("REQUIRED_FIELD_MISSING", &["LastName"]))
            }
            (true, _) => reply(200, &json!([{"id": MARA, "success": true, "errors": []}])),
        }
    })
    .await
}

const EVERYTHING: [(&str, Option<&str>); 4] = [
    ("Email", Some("new2@idp.example")),
    ("FirstName", Some("Maria Immaculata Theodora Wilhelmina Josephina")),
    ("LastName", Some("Quill")),
    ("Phone", Some("+1")),
];

fn bad(property: &str, code: &'static str) -> RefusedProperty {
    RefusedProperty { property: property.to_owned(), code }
}

#[tokio::test]
async fn a_value_that_salesforce_does_not_accept_costs_no_other_value() {
    let too_long = bad("FirstName", "STRING_TOO_LONG");
    let phone = bad("Phone", "INVALID_PHONE_NUMBER");
    let family = bad("LastName", "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    let one: &[(&str, &str)] = &[("STRING_TOO_LONG", "FirstName")];
    let two: &[(&str, &str)] = &[("STRING_TOO_LONG", "FirstName"), ("INVALID_PHONE_NUMBER", "Phone")];
    let name: &[(&str, &str)] = &[("FIELD_CUSTOM_VALIDATION_EXCEPTION", "LastName")];
    for (errors, message, expected) in [
        (one, "", vec![too_long.clone()]),
        (one, ": data value too large (max length=40)", vec![too_long.clone()]),
        (two, "", vec![too_long, phone]),
        (name, "", vec![family]),
    ] {
        for id in [Some(MARA), None] {
            let server = refusing(errors, message).await;
            let written = salesforce_at(&server.url).upsert(&write(id, &EVERYTHING)).await;
            assert_eq!(written.as_ref().map(|written| &written.refused), Ok(&expected), "{id:?}");
            let asked = server.asked();
            let last = &asked.last().unwrap().body["records"][0];
            assert_eq!(last["Email"], "new2@idp.example");
            assert!(
                errors.iter().all(|(_, field)| last.get(*field).is_none_or(|it| *it == json!("\u{2013}")))
            );
        }
    }
}

#[tokio::test]
async fn if_no_value_is_accepted_nothing_more_is_written() {
    let all: &[(&str, &str)] = &[
        ("STRING_TOO_LONG", "FirstName"),
        ("STRING_TOO_LONG", "LastName"),
        ("INVALID_EMAIL_ADDRESS", "Email"),
        ("INVALID_PHONE_NUMBER", "Phone"),
    ];
    let server = refusing(all, "").await;
    let client = salesforce_at(&server.url);
    let written = client.upsert(&write(Some(MARA), &EVERYTHING)).await.unwrap();
    assert_eq!((written.id.as_str(), written.refused.len()), (MARA, 4));
    assert_eq!(server.asked().len(), 1);
    let new = client.upsert(&write(None, &EVERYTHING)).await;
    assert_eq!(new, Err(ProviderError::Refused { code: "STRING_TOO_LONG", names_record: true }));
    assert_eq!(server.asked().len(), 2, "no contact without a value is created");
}

#[tokio::test]
async fn an_error_that_names_no_value_of_ours_refuses_the_whole_write() {
    for (code, fields) in [
        ("STRING_TOO_LONG", &["Title"][..]),
        ("STRING_TOO_LONG", &["FirstName", "Title"]),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", &[]),
        ("INVALID_FIELD_FOR_INSERT_UPDATE", &["FirstName"]),
        ("REQUIRED_FIELD_MISSING", &["Phone"]),
    ] {
        let body = failure(code, fields);
        let server = Server::start(move |_, _| reply(200, &body)).await;
        let outcome = salesforce_at(&server.url).upsert(&write(Some(MARA), &EVERYTHING)).await;
        assert!(matches!(outcome, Err(ProviderError::Refused { .. })), "{code} {outcome:?}");
        assert_eq!(server.asked().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_placeholder_that_is_refused_is_not_sent_for_ever() {
    let server = Server::start(|_, asked| match asked.body["records"][0].get("LastName") {
        None => reply(200, &failure("REQUIRED_FIELD_MISSING", &["LastName"])),
        Some(_) => reply(200, &failure("FIELD_CUSTOM_VALIDATION_EXCEPTION", &["LastName"])),
    })
    .await;
    let fields = [("Email", Some("new2@idp.example"))];
    let outcome = salesforce_at(&server.url).upsert(&write(None, &fields)).await;
    let code = "FIELD_CUSTOM_VALIDATION_EXCEPTION";
    assert_eq!(outcome, Err(ProviderError::Refused { code, names_record: true }));
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn among_several_errors_the_one_that_passes_decides() {
    let errors = json!([{"success": false, "errors": [
        {"statusCode": "FIELD_INTEGRITY_EXCEPTION", "message": "x", "fields": []},
        {"statusCode": "UNABLE_TO_LOCK_ROW", "message": "x", "fields": []}]}]);
    let server = Server::start(move |_, _| reply(200, &errors)).await;
    assert_eq!(salesforce_at(&server.url).upsert(&write(Some(MARA), &EVERYTHING)).await, Err(BUSY));
}

#[tokio::test]
async fn a_property_that_the_policy_names_is_written_and_refused_as_any_other() {
    // Salesforce ignores the case of names.
    for name in ["Preferred_Language__c", "preferred_language__C"] {
        let values = [("Email", Some("new2@idp.example")), (name, Some("tlh"))];
        let answer = async |bad: &'static str| {
            let server = Server::start(move |_, asked| match asked.body["records"][0].get(bad) {
                Some(_) => reply(200, &failure("STRING_TOO_LONG", &["Preferred_Language__c"])),
                None => reply(200, &json!([{"id": MARA, "success": true, "errors": []}])),
            })
            .await;
            let written = salesforce_at(&server.url).upsert(&write(Some(MARA), &values)).await;
            (written.map(|written| written.refused), server.asked().len())
        };
        assert_eq!(answer(name).await, (Ok(vec![bad(name, "STRING_TOO_LONG")]), 2), "as it was sent");
    }
    let server = refusing(&[("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Preferred_Language__c")], "").await;
    let values = [("Email", Some("new2@idp.example")), ("Preferred_Language__c", Some("tlh"))];
    let written = salesforce_at(&server.url).upsert(&write(Some(MARA), &values)).await.unwrap();
    let code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST";
    assert_eq!(written.refused, [bad("Preferred_Language__c", code)]);
    assert_eq!(server.asked()[0].body["records"][0]["Preferred_Language__c"], "tlh");
}

#[tokio::test]
async fn a_field_that_the_organization_has_added_is_written() {
    let org = SalesforceSimulator::start().await;
    let config = SalesforceConfig {
        auth: SalesforceAuth::ClientCredentials {
            client_id: org.client_id().into(),
            client_secret: org.client_secret().into(),
        },
        ..salesforce_config(&org.base_url())
    };
    let client = SalesforceClient::client(config, |_| {}).unwrap();
    let values = [("LastName", Some("Quill")), ("Preferred_Language__c", Some("vi"))];
    let written = client.upsert(&write(None, &values)).await.unwrap();
    assert_eq!((written.created, written.refused.len()), (true, 0));
    let contact = org.by_key("P-000731").unwrap();
    assert_eq!(contact.preferred_language.as_deref(), Some("vi"));
    // A name that the organization does not have is a fault of the policy, and of no record.
    let unknown = client.upsert(&write(None, &[("Preferred_Tongue__c", Some("vi"))])).await;
    assert_eq!(unknown, Err(ProviderError::Refused { code: "INVALID_FIELD", names_record: false }));
}
