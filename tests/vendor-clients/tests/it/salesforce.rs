//! Reads and writes the Salesforce simulator with `simple-salesforce`.

use serde_json::{Value, json};
use simulators::salesforce::{SalesforceSimulator, SimulatedContact, contact_id};

use crate::output_of;

const PHONE: &str = "+15560001234";

#[tokio::test]
async fn simple_salesforce_reads_and_writes_the_contacts_of_the_org() {
    let org = SalesforceSimulator::start().await;
    let id = contact_id(1);
    org.put_contact(SimulatedContact::new(&id).with_person_key("P-1"));
    org.put_contact(SimulatedContact::new(&contact_id(2)));
    org.set_page_size(2);
    let before = org.contact(&id).unwrap().to_json();

    let output = output_of(
        "salesforce_contacts.py",
        json!({
            "url": org.base_url(), "client_id": org.client_id(), "client_secret": org.client_secret(),
            "contact": id, "key": "P-1", "new_key": "P-9", "last_names": ["Ashgrove", "Ashgrove-Vale"],
            "phone": PHONE,
        }),
    )
    .await;

    assert_eq!((&output["contact"], &output["by_key"]), (&before, &before));
    assert_eq!((&output["written"], &output["changed"]), (&json!([201, 200]), &json!(204)));
    assert_eq!(org.contact(&id).unwrap().phone.as_deref(), Some(PHONE));
    assert_eq!(org.by_key("P-9").unwrap().last_name, "Ashgrove-Vale");
    pages_are_followed(&output);
    assert!(output["usage"].as_u64().unwrap() > 0 && output["limits"]["Remaining"].as_u64().unwrap() > 0);
    refusals_are_understood(&output);
}

fn pages_are_followed(output: &Value) {
    let (first, all) = (&output["first_page"], &output["all_pages"]);
    assert_eq!((&first["done"], &first["totalSize"]), (&json!(false), &json!(3)));
    assert_eq!(first["records"].as_array().unwrap().len(), 2);
    assert_eq!((&all["done"], &all["totalSize"]), (&json!(true), &json!(3)));
    assert_eq!(all["records"].as_array().unwrap().len(), 3);
}

fn refusals_are_understood(output: &Value) {
    let refused = |kind, status, code| json!({ "kind": kind, "status": status, "code": code });
    assert_eq!(output["missing"], refused("SalesforceResourceNotFound", 404, "NOT_FOUND"));
    let without_name = refused("SalesforceMalformedRequest", 400, "REQUIRED_FIELD_MISSING");
    assert_eq!(output["without_last_name"], without_name);
    assert_eq!(output["wrong_query"], refused("SalesforceMalformedRequest", 400, "INVALID_FIELD"));
    assert_eq!(output["wrong_session"], refused("SalesforceExpiredSession", 401, "INVALID_SESSION_ID"));
    let wrong_secret = json!({ "kind": "SalesforceAuthenticationFailed", "code": "invalid_client" });
    assert_eq!(output["wrong_secret"], wrong_secret);
}
