//! Reads and writes the HubSpot simulator with `@hubspot/api-client`.

use serde_json::{Value, json};
use simulators::hubspot::{HubSpotSimulator, KEY_PROPERTY, SimulatedContact};
use time::OffsetDateTime;

use crate::output_of_node;

const SECRET: &str = "client-secret-of-the-app";
const URL: &str = "https://hooks.example.gov/webhooks/hubspot";

#[tokio::test]
async fn hubspot_s_client_reads_and_writes_the_contacts_of_the_account() {
    let account = HubSpotSimulator::start().await;
    account.put_contact(SimulatedContact::new(7001).with_person_key("P-1"));
    account.put_contact(SimulatedContact::new(7002));
    let signed = account.webhook(URL, SECRET, &account.take_events(), OffsetDateTime::now_utc());
    let header = |name: &str| signed.headers.iter().find(|(own, _)| *own == name).unwrap().1.clone();
    let taken = account.contact(7001).unwrap().get("email").unwrap().to_owned();

    let output = output_of_node(
        "hubspot",
        "hubspot_contacts.cjs",
        json!({
            "url": account.base_url(), "token": account.token(), "contact": "7001", "other": "7002", "key": "P-1",
            "newKey": "P-9", "keyProperty": KEY_PROPERTY, "takenEmail": taken, "secret": SECRET,
            "webhook": {"url": URL, "body": signed.body, "signature": header("x-hubspot-signature-v3"),
                "timestamp": header("x-hubspot-request-timestamp")},
        }),
    )
    .await;

    reads_are_understood(&output, &taken);
    writes_are_understood(&output);
    let written = account.by_key("P-9").unwrap();
    assert_eq!(
        (written.get("lastname"), written.get("email")),
        (Some("Ashgrove"), Some("ashgrove@example.org"))
    );
    merges_and_archived_contacts_are_understood(&output);
    assert_eq!(output["signed"], true, "the vendor's library accepts the signature");
    assert_eq!(account.contacts().len(), 1, "two are merged into one that is archived");
}

fn reads_are_understood(output: &Value, email: &str) {
    let one = &output["one"];
    assert_eq!(
        (&one["id"], &one["archived"], &one["properties"]["email"]),
        (&json!("7001"), &json!(false), &json!(email))
    );
    assert_eq!(&output["byKey"], one);
    assert!(one["updatedAt"].as_str().unwrap().ends_with('Z'));
    let page = &output["page"];
    assert_eq!(page["results"].as_array().unwrap().len(), 1);
    assert_eq!(page["paging"]["next"]["after"], "7002");
    assert_eq!(output["found"]["results"], json!([one]));
    // The client calls it a success, and its model keeps the errors.
    assert_eq!(output["missed"]["results"], json!([one]));
    assert_eq!(output["missed"]["numErrors"], 1);
    let error = &output["missed"]["errors"][0];
    assert_eq!((&error["category"], &error["context"]["ids"]), (&json!("OBJECT_NOT_FOUND"), &json!(["99"])));
    let search = &output["search"];
    assert_eq!((&search["total"], &search["results"][0]["id"]), (&json!(2), &json!("7001")));
    assert_eq!(search["paging"]["next"]["after"], "1");
}

fn writes_are_understood(output: &Value) {
    let [new, same] = [0, 1].map(|number| &output["written"][number]["results"][0]);
    assert_eq!((&new["_new"], &same["_new"]), (&json!(true), &json!(false)));
    assert_eq!((&new["id"], &new["objectWriteTraceId"]), (&same["id"], &json!("1")));
    assert_eq!(output["conflict"], json!({"status": 409, "category": "CONFLICT"}));
    for refused in ["invalid", "tooFar"] {
        assert_eq!(output[refused], json!({"status": 400, "category": "VALIDATION_ERROR"}), "{refused}");
    }
    assert_eq!(output["stranger"], json!({"status": 401, "category": "INVALID_AUTHENTICATION"}));
}

fn merges_and_archived_contacts_are_understood(output: &Value) {
    let (merged, archived) = (&output["merged"], &output["archived"]);
    assert_eq!(output["afterMerge"]["id"], merged["id"], "the old ID answers with the contact that is left");
    assert_eq!(output["afterMerge"]["properties"]["hs_merged_object_ids"], "7001;7002");
    assert_eq!((&archived["id"], &archived["archived"]), (&merged["id"], &json!(true)));
    assert_eq!(archived["updatedAt"], merged["updatedAt"], "archiving moves no version");
    assert_eq!(output["gone"], json!({"status": 404, "category": "OBJECT_NOT_FOUND"}));
}
