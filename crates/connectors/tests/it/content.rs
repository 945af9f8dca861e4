//! What is stored and hashed of a record of each connector, as literal JSON: if it changes, every stored hash is another, and
//! every record counts as changed.

use std::collections::BTreeSet;

use authority::{DEFAULT_POLICY, Policy};
use connectors::{Connected, Record};
use provider_http::test_server::answering;
use serde_json::{Value, json};

use crate::fixtures::{
    MARA, SECRET, auth0_config, connected, entra_at, found, hubspot_at, okta_at, persona_at, record, rest_at,
    salesforce_at, scim_at, stripe_at,
};
use crate::handed_over;

const ENTRA_USER: &str = "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8";

/// A recorded answer of each connector, and the client that reads it.
async fn records() -> Vec<(&'static str, Record)> {
    let contact = json!([{"attributes": {"type": "Contact", "url": "/services/data/v60.0/sobjects/Contact/x"},
        "Id": MARA, "Person_Key__c": "P-000731", "FirstName": "Mara", "LastName": "Ostrander",
        "Email": "mara.ostrander@example.org", "Phone": "+1 555 0100 188", "Birthdate": "1988-04-09",
        "MailingStreet": "12 Quarry Lane", "MailingCity": "Port Ellery", "MailingState": null,
        "MailingPostalCode": "00417", "MailingCountry": null, "SystemModstamp": "2026-11-20T15:10:42.000+0000"}]);
    type Make = fn(&str) -> Connected;
    let in_hubspot = json!({"results": [{"id": "7001", "archived": false, "updatedAt": "2026-05-01T10:00:00.120Z",
        "properties": {"firstname": "Orla", "lastname": "Fenn", "email": "orla.fenn@example.org", "phone": "+15550100177",
            "date_of_birth": "1988-04-09", "address": "12 Quarry Lane", "city": "Port Ellery", "state": null,
            "zip": "00417", "country": "", "coppice_person_key": "P-7", "lifecyclestage": "lead"}}]});
    let cases: [(&str, Value, &str, Make); 9] = [
        ("auth0", record("auth0/user"), "auth0|6720c4d1a9b8e7f605142233", |url| {
            connected::<connectors::Auth0Client>(auth0_config(url))
        }),
        ("entra", record("entra/user"), ENTRA_USER, |url| std::sync::Arc::new(entra_at(url))),
        ("okta", record("okta/user"), "00uBaysideTove00h7", |url| std::sync::Arc::new(okta_at(url, SECRET))),
        ("scim", record("scim/user"), "7c1d0e6a52f84b5c9a3e11d0b4f6a820", |url| {
            std::sync::Arc::new(scim_at(url))
        }),
        ("salesforce", contact, MARA, |url| std::sync::Arc::new(salesforce_at(url))),
        ("hubspot", in_hubspot, "7001", |url| std::sync::Arc::new(hubspot_at(url))),
        ("stripe", record("stripe/session"), "vs_1QmHarbor0001AbCd", stripe_at),
        ("persona", record("persona/inquiry"), "inq_zHarbor84ShbUyuwX6AzPSq", persona_at),
        ("rest", json!({"id": 7, "name": {"first": "Tove"}, "person_key": "P-7"}), "7", rest_at),
    ];
    let mut records = Vec::new();
    for (connector, body, id, make) in cases {
        records.push((connector, found(&make(&answering(200, &[], body).await), id).await));
    }
    records.push(("handed-over", handed_over::standard().await));
    records
}

fn expected(connector: &str) -> Value {
    match connector {
        "auth0" => json!({"id": "auth0|6720c4d1a9b8e7f605142233", "email": "tove.lind@example.org",
            "email_verified": true, "given_name": "Tove", "family_name": "Lind", "display_name": "Tove Lind",
            "phone": "+15550100186", "blocked": false, "external_key": "P-002214",
            "identities": [
                {"provider": "auth0", "connection": "Bayside-Members", "subject": "6720c4d1a9b8e7f605142233"},
                {"provider": "github", "connection": "github", "subject": "90817263"}]}),
        "entra" => json!({"id": ENTRA_USER, "email": "tove.lind@bayside.example", "email_verified": false,
            "given_name": "Tove", "family_name": "Lind", "display_name": "Tove Lind", "phone": "+15550100188",
            "blocked": true, "external_key": "P-000917",
            "identities": [
                {"provider": "entra", "connection": null, "subject": ENTRA_USER},
                {"provider": "google.com", "connection": null, "subject": "117700000000042"}]}),
        "okta" => {
            json!({"id": "00uBaysideTove00h7", "email": "tove.lind@example.org", "email_verified": true,
            "given_name": "Tove", "family_name": "Lind", "display_name": "Tove Lind", "phone": "+15550100163",
            "blocked": true, "external_key": "P-000441",
            "identities": [{"provider": "okta", "connection": null, "subject": "00uBaysideTove00h7"}]})
        }
        "scim" => json!({"id": "7c1d0e6a52f84b5c9a3e11d0b4f6a820", "email": "ilse.brandt@example.org",
            "email_verified": false, "given_name": "Ilse", "family_name": "Brandt",
            "display_name": "Ilse Brandt", "phone": "+15550100121", "blocked": true, "external_key": "P-000917",
            "identities": [
                {"provider": "scim", "connection": null, "subject": "7c1d0e6a52f84b5c9a3e11d0b4f6a820"}]}),
        "salesforce" => json!({"id": MARA, "external_key": "P-000731", "given_name": "Mara",
            "family_name": "Ostrander", "email": "mara.ostrander@example.org", "phone": "+1 555 0100 188",
            "birthdate": "1988-04-09",
            "mailing_address": {"street": "12 Quarry Lane", "city": "Port Ellery", "region": null,
                "postal_code": "00417", "country": null}}),
        "hubspot" => json!({"id": "7001", "external_key": "P-7", "given_name": "Orla", "family_name": "Fenn",
            "email": "orla.fenn@example.org", "phone": "+15550100177", "birthdate": "1988-04-09",
            "mailing_address": {"street": "12 Quarry Lane", "city": "Port Ellery", "region": null,
                "postal_code": "00417", "country": null}}),
        "stripe" => json!({"id": "vs_1QmHarbor0001AbCd", "external_key": "P-000481",
            "verification_status": "verified", "given_name": "Mara", "family_name": "Quill",
            "birthdate": "1984-09-03", "email": "mara.quill@example.org",
            "opened_at": "2026-11-23T05:00:00Z", "decided_at": null}),
        "persona" => json!({"id": "inq_zHarbor84ShbUyuwX6AzPSq", "external_key": "P-000481",
            "verification_status": "verified", "given_name": "Mara", "family_name": "Quill",
            "birthdate": "1984-09-03", "email": null, "opened_at": "2026-11-22T18:00:00Z",
            "decided_at": "2026-11-22T18:06:12Z"}),
        "rest" => json!({"id": "7", "external_key": "P-7", "given_name": "Tove"}),
        "handed-over" => json!({"id": "county-1", "external_key": "P-000481", "given_name": "Mara",
            "family_name": "Quill", "display_name": "Mara Quill", "email": "mara.quill@example.org",
            "phone": "+15550100188", "birthdate": "1984-09-03",
            "mailing_address": {"street": "12 Quarry Lane", "city": "Port Ellery"}}),
        other => panic!("{other} has no expected content here"),
    }
}

#[tokio::test]
async fn the_content_of_each_connector_s_record_has_these_keys_and_values() {
    let records = records().await;
    let names: Vec<&str> = connectors::CONNECTORS.iter().map(|connector| connector.name).collect();
    assert_eq!(
        records.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        names,
        "each connector has a record"
    );
    for (connector, record) in records {
        assert_eq!(record.content(), expected(connector), "{connector}");
        assert_eq!(record.unread, [""; 0], "{connector}");
        assert_eq!(Record { version_at: None, etag: None, ..record.clone() }.content(), record.content());
    }
}

/// Values that are not there have their keys, too.
#[tokio::test]
async fn a_record_without_values_has_the_same_keys() {
    let keys = |content: &Value| content.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let bare = json!({"id": ENTRA_USER, "accountEnabled": true});
    let empty: [(&str, Record); 7] = [
        ("entra", found_in(bare, ENTRA_USER, |url| std::sync::Arc::new(entra_at(url))).await),
        (
            "hubspot",
            found_in(json!({"results": [{"id": "7001", "properties": {}}]}), "7001", |url| {
                std::sync::Arc::new(hubspot_at(url))
            })
            .await,
        ),
        (
            "auth0",
            found_in(json!({"user_id": "auth0|1", "identities": []}), "auth0|1", |url| {
                connected::<connectors::Auth0Client>(auth0_config(url))
            })
            .await,
        ),
        (
            "okta",
            found_in(json!({"id": "00u1", "profile": {}}), "00u1", |url| {
                std::sync::Arc::new(okta_at(url, SECRET))
            })
            .await,
        ),
        (
            "scim",
            found_in(json!({"id": "1", "active": true}), "1", |url| std::sync::Arc::new(scim_at(url))).await,
        ),
        (
            "salesforce",
            found_in(json!([{"Id": MARA}]), MARA, |url| std::sync::Arc::new(salesforce_at(url))).await,
        ),
        ("stripe", found_in(json!({"id": "vs_1", "status": "processing"}), "vs_1", stripe_at).await),
    ];
    for (connector, record) in empty {
        let content = record.content();
        assert_eq!(keys(&content), keys(&expected(connector)), "{connector}");
        assert!(record.assertions.values().all(Value::is_null), "{connector}");
    }
}

async fn found_in(body: Value, id: &str, make: fn(&str) -> Connected) -> Record {
    found(&make(&answering(200, &[], body).await), id).await
}

/// The built-in policy takes from each connector what it says.
#[tokio::test]
async fn every_assertion_of_a_connector_is_a_field_of_the_built_in_policy() {
    let policy = Policy::default();
    let fields: BTreeSet<&str> = policy.fields().map(|(field, _)| field.as_str()).collect();
    for (connector, record) in records().await {
        assert!(!record.assertions.is_empty(), "{connector}");
        for field in record.assertions.keys() {
            assert!(fields.contains(field.as_str()), "{connector}: {field}");
            assert!(DEFAULT_POLICY.contains(&format!("[fields.{field}]")), "{connector}: {field}");
        }
    }
}
