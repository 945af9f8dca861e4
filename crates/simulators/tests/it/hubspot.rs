//! An account, and its limits.

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use simulators::hubspot::{Fault, HubSpotSimulator, KEY_PROPERTY, SimulatedContact};

struct Account(HubSpotSimulator);

impl Account {
    async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        let url = format!("{}/crm/v3/objects/contacts{path}", self.0.base_url());
        let request = Client::new().request(method, url).bearer_auth(self.0.token()).json(body);
        request.send().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let reply = self.send(Method::POST, path, body).await;
        (reply.status().as_u16(), reply.json().await.unwrap_or_default())
    }
}

async fn account() -> Account {
    Account(HubSpotSimulator::start().await)
}

#[tokio::test]
async fn a_reply_states_the_limits_and_a_search_does_not() {
    let account = account().await;
    account.0.set_burst_limit(2);
    let reply = account.send(Method::GET, "?limit=1", &Value::Null).await;
    assert_eq!(reply.headers()["x-hubspot-ratelimit-remaining"], "1");
    assert_eq!(reply.headers()["x-hubspot-ratelimit-daily"], "625000");
    let search = account.send(Method::POST, "/search", &json!({})).await;
    assert_eq!(
        (search.status(), search.headers().get("x-hubspot-ratelimit-max")),
        (reqwest::StatusCode::OK, None)
    );
    let (status, body) = account.post("/batch/read", &json!({"inputs": []})).await;
    assert_eq!((status, &body["policyName"]), (429, &json!("TEN_SECONDLY_ROLLING")));
    account.0.set_search_limit(0);
    let (status, body) = account.post("/search", &json!({})).await;
    assert_eq!(
        (status, &body["errorType"], &body["policyName"]),
        (429, &json!("RATE_LIMIT"), &json!("SECONDLY"))
    );
}

#[tokio::test]
async fn a_search_has_the_vendor_s_bounds() {
    let account = account().await;
    let filter = |property: &str| json!({"propertyName": property, "operator": "EQ", "value": "1"});
    for refused in [
        json!({"limit": 201}),
        json!({"limit": 200, "after": "9801"}),
        json!({"sorts": ["email", "phone"]}),
        json!({"filterGroups": [{"filters": [filter("no_such_property")]}]}),
        json!({"filterGroups": vec![json!({"filters": [filter("email")]}); 6]}),
        json!({"properties": ["x".repeat(3000)]}),
    ] {
        let (status, body) = account.post("/search", &refused).await;
        assert_eq!((status, &body["category"]), (400, &json!("VALIDATION_ERROR")), "{refused}");
    }
    assert_eq!(account.post("/search", &json!({"limit": 200, "after": "9800"})).await.0, 200);
}

#[tokio::test]
async fn a_batch_has_at_most_100_inputs_and_without_any_it_is_a_success_without_a_result() {
    let account = account().await;
    let inputs: Vec<Value> = (0..101).map(|id| json!({"id": id.to_string()})).collect();
    assert_eq!(account.post("/batch/read", &json!({"inputs": inputs})).await.0, 400);
    let (status, body) = account.post("/batch/update", &json!({})).await;
    assert_eq!((status, &body["results"]), (200, &json!([])));
}

#[tokio::test]
async fn a_property_that_is_not_unique_identifies_no_contact_to_write() {
    let account = account().await;
    account.0.put_contact(SimulatedContact::new(7001).with_person_key("P-1"));
    for (call, property) in [("upsert", "phone"), ("update", "phone"), ("update", "hs_object_id")] {
        let input = json!({"id": "7001", "idProperty": property, "properties": {"city": "Lund"}});
        let (status, _) = account.post(&format!("/batch/{call}"), &json!({"inputs": [input]})).await;
        assert_eq!(status, 400, "{call} {property}");
    }
    let input = json!({"id": "P-1", "idProperty": KEY_PROPERTY, "properties": {"city": "Lund"}});
    assert_eq!(account.post("/batch/update", &json!({"inputs": [input]})).await.0, 200);
    assert_eq!(account.0.contact(7001).unwrap().get("city"), Some("Lund"));
}

#[tokio::test]
async fn a_lagging_replica_shows_a_contact_as_it_was() {
    let account = account().await;
    account.0.put_contact(SimulatedContact::new(7001).with("city", "Lund"));
    account.0.update(7001, |contact| *contact = contact.clone().with("city", "Visby"));
    account.0.put_contact(SimulatedContact::new(7002));
    account.0.set_fault(Fault::Stale);
    let request = json!({"properties": ["city"], "inputs": [{"id": "7001"}, {"id": "7002"}]});
    let (status, body) = account.post("/batch/read", &request).await;
    assert_eq!((status, &body["results"][0]["properties"]["city"]), (207, &json!("Lund")));
    assert_eq!(body["errors"][0]["context"]["ids"], json!(["7002"]), "a new one is missing");
}
