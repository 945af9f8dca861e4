//! Writing one contact: what is sent, and what the result means.

use std::collections::BTreeMap;
use std::time::Duration;

use provider_crm::{ContactField, ContactWrite, ContactWritten, CrmProvider, ProviderError};
use provider_http::Outage;
use serde_json::{Value, json};

use crate::fixtures::{MARA, salesforce_at};
use crate::server::{Server, reply};

const BY_ID: &str = "PATCH /services/data/v60.0/composite/sobjects";
const BY_KEY: &str = "PATCH /services/data/v60.0/composite/sobjects/Contact/Person_Key__c";
const BUSY: ProviderError = ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };

fn write(id: Option<&str>, fields: &[(ContactField, Option<&str>)]) -> ContactWrite {
    let fields: BTreeMap<_, _> =
        fields.iter().map(|(field, value)| (*field, value.map(str::to_owned))).collect();
    ContactWrite { id: id.map(str::to_owned), external_key: "P-000731".into(), fields }
}

fn failure(code: &str, fields: &[&str]) -> Value {
    json!([{"success": false, "errors": [{"statusCode": code, "message": "mara", "fields": fields}]}])
}

#[tokio::test]
async fn a_known_contact_is_changed_by_its_id() {
    let server =
        Server::start(|_, _| reply(200, &json!([{"id": MARA, "success": true, "errors": []}]))).await;
    let fields = [
        (ContactField::GivenName, Some("Mara")),
        (ContactField::Phone, None),
        (ContactField::FamilyName, None),
        (ContactField::Birthdate, Some("1988-04-09")),
    ];
    let written = salesforce_at(&server.url).upsert_contact(&write(Some("0037Q00000HbKmT"), &fields)).await;
    assert_eq!(written, Ok(ContactWritten { id: MARA.into(), created: false }));
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
        let fields =
            [(ContactField::FamilyName, Some("Ostrander")), (ContactField::Email, Some("m@example.org"))];
        let written = salesforce_at(&server.url).upsert_contact(&write(None, &fields)).await;
        assert_eq!(written, Ok(ContactWritten { id: MARA.into(), created }));
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
        let fields = [(ContactField::FamilyName, name), (ContactField::GivenName, Some("Mara"))];
        let written = salesforce_at(&server.url).upsert_contact(&write(None, &fields)).await;
        assert_eq!(written, Ok(ContactWritten { id: MARA.into(), created: true }));
        let names: Vec<_> =
            server.asked().iter().map(|asked| asked.body["records"][0]["LastName"].clone()).collect();
        assert_eq!(names, [Value::Null, json!("\u{2013}")]);
    }
}

#[tokio::test]
async fn an_existing_contact_keeps_its_name() {
    let body = json!([{"id": MARA, "success": true, "errors": [], "created": false}]);
    let server = Server::start(move |_, _| reply(200, &body)).await;
    let fields = [(ContactField::GivenName, Some("Mara"))];
    assert!(salesforce_at(&server.url).upsert_contact(&write(None, &fields)).await.is_ok());
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
            let outcome = salesforce_at(&server.url).upsert_contact(&write(id, &[])).await;
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
        let outcome = salesforce_at(&server.url).upsert_contact(&write(None, &[])).await;
        assert!(matches!(outcome, Err(ProviderError::Malformed { .. })), "{outcome:?}");
    }
    let server = Server::start(|_, _| reply(200, &json!([{"success": false, "errors": null}]))).await;
    let outcome = salesforce_at(&server.url).upsert_contact(&write(None, &[])).await;
    assert_eq!(outcome, Err(ProviderError::Invalid { status: 400 }));
}

#[tokio::test]
async fn an_id_that_no_contact_has_is_gone_without_being_sent() {
    let server = Server::start(|_, _| reply(200, &json!([]))).await;
    let outcome = salesforce_at(&server.url).upsert_contact(&write(Some("../Account"), &[])).await;
    assert_eq!(outcome, Err(ProviderError::Invalid { status: 404 }));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_wrong_base_url_is_not_a_contact_that_is_gone() {
    let server = Server::start(|_, _| reply(404, &json!([{"errorCode": "NOT_FOUND"}]))).await;
    let outcome = salesforce_at(&server.url).upsert_contact(&write(Some(MARA), &[])).await;
    assert_eq!(outcome, Err(ProviderError::Refused { code: "NOT_FOUND", names_record: false }));
}
