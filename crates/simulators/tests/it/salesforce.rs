//! An org, without and with faults.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use simulators::salesforce::{
    ChangeKind, Fault, SALESFORCE_SOURCE, SalesforceSimulator, SimulatedContact, contact_id,
};
use tokio::time::Instant;

const KEYED: &str = "composite/sobjects/Contact/Person_Key__c";
const RETRIEVE: &str = "composite/sobjects/Contact";

/// An org, and a token for it.
struct Org {
    simulator: SalesforceSimulator,
    token: String,
}

impl Org {
    async fn start() -> Self {
        let simulator = SalesforceSimulator::start().await;
        let reply: Value = ask_for_token(&simulator, "client_credentials", simulator.client_secret())
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(reply["instance_url"], simulator.base_url());
        assert_eq!((&reply["token_type"], reply.get("expires_in")), (&json!("Bearer"), None));
        Self { token: reply["access_token"].as_str().unwrap().to_owned(), simulator }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/services/data/v60.0/{path}", self.simulator.base_url());
        Client::new().request(method, url).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        read(self.request(Method::POST, path).json(body).send().await.unwrap()).await
    }

    async fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        read(self.request(Method::PATCH, path).json(body).send().await.unwrap()).await
    }

    async fn query(&self, resource: &str, soql: &str) -> Value {
        let reply = self.request(Method::GET, resource).query(&[("q", soql)]).send().await.unwrap();
        assert_eq!(reply.status(), 200, "{soql}");
        reply.json().await.unwrap()
    }
}

async fn read(reply: Response) -> (u16, Value) {
    assert!(reply.headers()["sforce-limit-info"].to_str().unwrap().starts_with("api-usage="));
    (reply.status().as_u16(), reply.json().await.unwrap_or_default())
}

async fn ask_for_token(simulator: &SalesforceSimulator, grant_type: &str, secret: &str) -> Response {
    let form = [("grant_type", grant_type), ("client_id", simulator.client_id()), ("client_secret", secret)];
    let url = format!("{}/services/oauth2/token", simulator.base_url());
    Client::new().post(url).form(&form).send().await.unwrap()
}

fn record(key: &str, last_name: &str) -> Value {
    json!({ "attributes": { "type": "Contact" }, "Person_Key__c": key, "LastName": last_name })
}

fn code(body: &Value) -> &str {
    body[0]["errorCode"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn only_the_connected_app_gets_a_token() {
    let org = Org::start().await;
    for (grant_type, secret, error) in [
        ("client_credentials", "wrong", "invalid_client"),
        ("password", org.simulator.client_secret(), "unsupported_grant_type"),
    ] {
        let reply = ask_for_token(&org.simulator, grant_type, secret).await;
        assert_eq!(reply.status(), 400);
        assert_eq!(reply.json::<Value>().await.unwrap()["error"], error);
    }
    assert_eq!((org.simulator.token_requests(), org.simulator.total_requests()), (3, 0));
}

#[tokio::test]
async fn without_a_valid_token_no_request_is_answered() {
    let org = Org::start().await;
    assert_eq!(org.get("limits").await.0, 200);
    org.simulator.revoke_tokens();
    let (status, body) = org.get("limits").await;
    assert_eq!((status, code(&body), org.simulator.pings()), (401, "INVALID_SESSION_ID", 2));
}

#[tokio::test]
async fn a_read_of_many_contacts_answers_in_the_order_of_the_ids() {
    let org = Org::start().await;
    let ids = [2, 1, 3, 9].map(contact_id);
    for id in &ids[..3] {
        org.simulator.put_contact(SimulatedContact::new(id));
    }
    org.simulator.delete(&ids[2]);
    let (_, body) = org.post(RETRIEVE, &json!({ "ids": ids, "fields": ["LastName"] })).await;
    assert_eq!((&body[0]["Id"], &body[1]["Id"]), (&json!(ids[0]), &json!(ids[1])));
    assert_eq!((&body[2], &body[3], body[0]["Email"].is_null()), (&Value::Null, &Value::Null, true));
    let one_by_one =
        [org.get(&format!("sobjects/Contact/{}", ids[2])).await.1, org.get("sobjects/Contact/x").await.1];
    assert_eq!(one_by_one.each_ref().map(code), ["ENTITY_IS_DELETED", "NOT_FOUND"]);
    let too_many: Vec<String> = (0..2001).map(contact_id).collect();
    assert_eq!(org.post(RETRIEVE, &json!({ "ids": too_many, "fields": ["Id"] })).await.0, 400);
    assert_eq!(org.post(RETRIEVE, &json!({ "ids": [], "fields": ["Nope"] })).await.0, 400);
    assert_eq!(org.simulator.requests_for(&ids[2]), 3);
}

#[tokio::test]
async fn two_upserts_create_one_contact_and_send_two_events() {
    let org = Org::start().await;
    let path = "sobjects/Contact/Person_Key__c/p%2F1";
    let (status, first) = org.patch(path, &json!({ "LastName": "Quill", "Phone": "+15560000001" })).await;
    assert_eq!((status, &first["created"]), (201, &json!(true)));
    let (status, second) = org.patch(path, &json!({ "LastName": "Quill" })).await;
    assert_eq!((status, &second["created"], &second["id"]), (200, &json!(false), &first["id"]));
    assert_eq!(
        (org.simulator.writes(), org.simulator.creations(), org.simulator.contacts().len()),
        (2, 1, 1)
    );
    let contact = org.simulator.by_key("p/1").unwrap();
    assert_eq!((contact.id.as_str(), contact.id.len()), (first["id"].as_str().unwrap(), 18));
    assert_eq!((org.simulator.requests_for("p/1"), org.simulator.requests_for(&contact.id)), (2, 1));

    let events = org.simulator.take_events();
    let payloads: Vec<Value> = events
        .iter()
        .map(|event| serde_json::from_str::<Value>(&event.detail).unwrap()["payload"].take())
        .collect();
    assert!(events.iter().all(|e| e.source == SALESFORCE_SOURCE && e.detail_type == "ContactChangeEvent"));
    assert_eq!(payloads[0]["ChangeEventHeader"]["changeType"], "CREATE");
    assert_eq!(
        (&payloads[0]["Name"]["LastName"], &payloads[0]["Phone"]),
        (&json!("Quill"), &json!("+15560000001"))
    );
    assert_eq!(payloads[1]["ChangeEventHeader"]["changeType"], "UPDATE");
    assert_eq!(payloads[1]["ChangeEventHeader"]["changedFields"], json!(["LastModifiedDate"]));
    assert!(org.simulator.take_events().is_empty());
}

#[tokio::test]
async fn a_batch_of_upserts_has_a_result_for_each_record_in_order() {
    let org = Org::start().await;
    let present =
        org.simulator.put_contact(SimulatedContact::new(&contact_id(1)).with_person_key("p1")).contact;
    let records =
        json!([record("p2", "New"), record("p1", "Other"), record("p3", ""), record("p2", "Again")]);
    let (status, body) = org.patch(KEYED, &json!({ "allOrNone": false, "records": records })).await;
    assert_eq!((status, &body[0]["created"], &body[1]["created"]), (200, &json!(true), &json!(false)));
    assert_eq!(body[1]["id"], present.id);
    assert_eq!(
        body[2]["errors"][0],
        json!({ "statusCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing: [LastName]",
                "fields": ["LastName"] })
    );
    assert_eq!(body[3]["errors"][0]["statusCode"], "DUPLICATE_VALUE");
    let rolled_back = json!({ "allOrNone": true, "records": [record("p8", "Good"), record("p9", "")] });
    let (_, body) = org.patch(KEYED, &rolled_back).await;
    assert_eq!(body[0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert_eq!((org.simulator.creations(), org.simulator.contacts().len()), (1, 2));
    let too_many: Vec<Value> = (0..201).map(|number| record(&number.to_string(), "Many")).collect();
    assert_eq!(org.patch(KEYED, &json!({ "records": too_many })).await.0, 400);
}

#[tokio::test]
async fn a_batch_of_updates_reports_deleted_and_unknown_contacts_and_duplicate_keys() {
    let org = Org::start().await;
    let ids = [1, 2, 3, 4].map(contact_id);
    for id in &ids[..3] {
        org.simulator.put_contact(SimulatedContact::new(id).with_person_key(&format!("key of {id}")));
    }
    org.simulator.delete(&ids[1]);
    let taken = format!("key of {}", ids[0]);
    let update = |id: &str, name: &str, value: Value| json!({ "attributes": { "type": "Contact" }, "id": id, name: value });
    let records = [
        update(&ids[0], "Phone", Value::Null),
        update(&ids[1], "Phone", Value::Null),
        update(&ids[2], "Person_Key__c", json!(taken)),
        update(&ids[3], "Phone", Value::Null),
        update(&ids[2], "LastName", Value::Null),
        update(&ids[2], "SystemModstamp", json!("2026-01-01T00:00:00Z")),
    ];
    let (status, body) = org.patch("composite/sobjects", &json!({ "records": records })).await;
    let codes: Vec<_> =
        (1..6).map(|index| body[index]["errors"][0]["statusCode"].as_str().unwrap()).collect();
    let expected = [
        "ENTITY_IS_DELETED",
        "DUPLICATE_VALUE",
        "INVALID_CROSS_REFERENCE_KEY",
        "REQUIRED_FIELD_MISSING",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
    ];
    assert_eq!((status, &body[0]["success"], codes), (200, &json!(true), expected.to_vec()));
    assert_eq!(org.simulator.contact(&ids[0]).unwrap().phone, None);
}

#[tokio::test]
async fn a_merge_sends_two_events_and_only_query_all_shows_it() {
    let org = Org::start().await;
    let [winner, loser] = [contact_id(1), contact_id(2)];
    for id in [&winner, &loser] {
        org.simulator.put_contact(SimulatedContact::new(id));
    }
    let _ = org.simulator.take_events();
    let (updated, deleted) = org.simulator.merge(&winner, &loser);
    assert_eq!((updated.kind, deleted.kind), (ChangeKind::Updated, ChangeKind::Deleted));
    assert_eq!(org.simulator.take_events(), [deleted.event.clone(), updated.event.clone()]);
    let headers = [deleted.event, updated.event].map(|event| {
        serde_json::from_str::<Value>(&event.detail).unwrap()["payload"]["ChangeEventHeader"].take()
    });
    assert_eq!((&headers[0]["changeType"], &headers[1]["changeType"]), (&json!("DELETE"), &json!("UPDATE")));
    assert_eq!(headers[0]["transactionKey"], headers[1]["transactionKey"]);

    let soql =
        format!("SELECT Id, IsDeleted, MasterRecordId FROM Contact WHERE Id IN ('{winner}','{loser}')");
    let all = org.query("queryAll", &soql).await;
    assert_eq!((&all["totalSize"], &all["records"][1]["IsDeleted"]), (&json!(2), &json!(true)));
    assert_eq!(all["records"][1]["MasterRecordId"], winner);
    assert_eq!(org.query("query", &soql).await["totalSize"], 1);
    assert_eq!(org.simulator.undelete(&loser).contact.master_record_id, None);
    assert_eq!(org.query("query", &soql).await["totalSize"], 2);
}

#[tokio::test]
async fn changes_are_listed_by_modstamp_and_in_pages() {
    let org = Org::start().await;
    let ids: Vec<String> = (1..=5).map(contact_id).collect();
    for id in &ids {
        org.simulator.put_contact(SimulatedContact::new(id));
    }
    org.simulator.set_page_size(2);
    let soql = "SELECT Id, SystemModstamp FROM Contact WHERE SystemModstamp > 2020-01-01T00:00:00Z \
                ORDER BY SystemModstamp, Id";
    let mut page = org.query("queryAll", soql).await;
    let mut seen = Vec::new();
    loop {
        seen.extend(page["records"].as_array().unwrap().clone());
        let Some(next) = page["nextRecordsUrl"].as_str() else { break };
        page = org.get(next.strip_prefix("/services/data/v60.0/").unwrap()).await.1;
    }
    assert_eq!((seen.len(), &page["done"], &page["totalSize"]), (5, &json!(true), &json!(5)));
    let last = seen[4]["SystemModstamp"].as_str().unwrap();
    assert!(last.ends_with(".000+0000"), "{last}");
    let none = soql.replace("2020-01-01T00:00:00Z", last);
    assert_eq!(org.query("query", &none).await["totalSize"], 0);
    assert_eq!(org.get("query?q=SELECT+Id+FROM+Account").await.0, 400);
}

#[tokio::test]
async fn faults_have_their_status_and_end() {
    let org = Org::start().await;
    let id = contact_id(1);
    org.simulator.put_contact(SimulatedContact::new(&id).with_person_key("p1"));
    let (read_path, write_path) = (format!("sobjects/Contact/{id}"), "sobjects/Contact/Person_Key__c/p1");
    for (fault, read, write, error) in [
        (Fault::Down, 503, 503, "SERVER_UNAVAILABLE"),
        (Fault::ServerError(502), 502, 502, "UNKNOWN_EXCEPTION"),
        (Fault::LimitExceeded, 403, 403, "REQUEST_LIMIT_EXCEEDED"),
        (Fault::TokenRefused, 401, 401, "INVALID_SESSION_ID"),
        (Fault::RowLocked, 200, 400, "UNABLE_TO_LOCK_ROW"),
        (Fault::WrongJson, 200, 200, ""),
        (Fault::Stale, 404, 200, ""),
        (Fault::None, 200, 200, ""),
    ] {
        org.simulator.set_fault(fault);
        let reply = org.request(Method::GET, &read_path).send().await.unwrap();
        assert_eq!(reply.status(), read, "{fault:?}");
        assert_eq!(reply.json::<Value>().await.is_err(), fault == Fault::WrongJson);
        let reply = org.request(Method::PATCH, write_path).json(&json!({})).send().await.unwrap();
        assert_eq!(reply.status(), write, "{fault:?}");
        assert_eq!(code(&reply.json().await.unwrap_or_default()), error);
    }
    org.simulator.set_fault(Fault::RowLocked);
    let (status, body) = org.patch(KEYED, &json!({ "records": [record("p1", "Locked")] })).await;
    assert_eq!((status, &body[0]["errors"][0]["statusCode"]), (200, &json!("UNABLE_TO_LOCK_ROW")));
    org.simulator.set_fault(Fault::Slow(Duration::from_millis(80)));
    let asked = Instant::now();
    assert_eq!(org.get(&read_path).await.0, 200);
    assert!(asked.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_write_whose_reply_is_lost_is_carried_out() {
    let mut org = Org::start().await;
    org.simulator.set_fault(Fault::LostReplies);
    let write = org.request(Method::PATCH, KEYED).json(&json!({ "records": [record("p1", "Lost")] }));
    assert!(write.send().await.unwrap_err().status().is_none());
    assert_eq!((org.simulator.creations(), org.simulator.writes()), (1, 1));
    assert_eq!(org.get("sobjects/Contact/Person_Key__c/p1").await.1["LastName"], "Lost");
    org.simulator.set_fault(Fault::None);
    org.simulator.refuse_connections().await;
    assert!(org.request(Method::GET, "limits").send().await.unwrap_err().is_connect());
    org.simulator.accept_connections().await;
    assert_eq!(org.get("limits").await.0, 200);
}

#[tokio::test]
async fn requests_that_name_a_contact_can_fail_and_be_held() {
    let org = Org::start().await;
    let [id, other] = [contact_id(1), contact_id(2)];
    org.simulator.put_contact(SimulatedContact::new(&id));
    let body = json!({ "ids": [other, id], "fields": ["LastName"] });
    org.simulator.set_status(&id, Some(500));
    assert_eq!(org.post(RETRIEVE, &body).await.0, 500);
    org.simulator.set_status(&id, None);
    let gate = org.simulator.hold(&id);
    let before = org.simulator.contact(&id).unwrap().last_name;
    let change = async {
        gate.arrived(1).await;
        org.simulator.update(&id, |contact| contact.last_name = "Later".to_owned());
        gate.release(0);
    };
    let ((status, reply), ()) = tokio::join!(org.post(RETRIEVE, &body), change);
    assert_eq!((status, &reply[1]["LastName"]), (200, &json!(before)));
}

#[tokio::test]
async fn events_carry_the_personal_values_that_a_leak_test_looks_for() {
    let simulator = SalesforceSimulator::start().await;
    let change = simulator.put_contact(SimulatedContact::new(&contact_id(1)).with_person_key("p1"));
    let values = change.contact.personal_values();
    assert_eq!((change.kind, values.len()), (ChangeKind::Created, 10));
    for value in &values {
        assert!(change.event.detail.contains(value.as_str()), "{value} in {}", change.event.detail);
    }
    let nulled = simulator.update(&contact_id(1), |contact| contact.mailing_city = None).event;
    assert!(nulled.detail.contains("\"nulledFields\":[\"MailingAddress.City\"]"), "{}", nulled.detail);
    assert!(simulator.overflow_event().detail.contains("GAP_OVERFLOW"));
    assert!(simulator.gap_event(&[&contact_id(1)]).detail.contains("GAP_UPDATE"));
}
