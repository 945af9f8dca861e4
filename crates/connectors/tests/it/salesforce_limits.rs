//! The organization's limits, settings, and authentication.

use std::time::Duration;

use connectors::{
    Fetched, Outage, ProviderError, Records, SalesforceAuth, SalesforceClient, SalesforceConfig, Vendor,
};
use serde_json::json;
use simulators::salesforce::{Fault, SalesforceSimulator, SimulatedContact};
use url::Url;

use crate::fixtures::{MARA, salesforce_at, salesforce_config};
use crate::server::{Server, reply};

#[tokio::test]
async fn the_probe_lists_one_contact() {
    let server =
        Server::start(|_, _| reply(200, &json!({"totalSize": 0, "done": true, "records": []}))).await;
    assert_eq!(salesforce_at(&server.url).ping().await, Ok(()));
    let line = server.asked()[0].line.clone();
    assert!(line.starts_with("GET /services/data/v60.0/query"), "{line}");
}

#[tokio::test]
async fn a_used_up_daily_quota_holds_all_calls_back() {
    let body = json!([{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]);
    let server = Server::start(move |_, _| reply(403, &body)).await;
    let client = salesforce_at(&server.url);
    let fetched = client.batches().unwrap().fetch_many(&[MARA.to_owned()]).await;
    assert_eq!(fetched, Err(ProviderError::RateLimited { retry_after: Duration::from_secs(900) }));
    assert!(matches!(client.ping().await, Err(ProviderError::RateLimited { .. })));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_contact_of_which_we_may_see_the_id_only_has_no_values() {
    let org = SalesforceSimulator::start().await;
    org.put_contact(SimulatedContact::new(MARA));
    org.set_fault(Fault::Partial);
    let fetched = of_org(&org).batches().unwrap().fetch_many(&[MARA.to_owned()]).await.unwrap();
    let [Fetched::Found(contact)] = fetched.as_slice() else { panic!("{fetched:?}") };
    assert_eq!((contact.id.as_str(), contact.text("email"), contact.version_at), (MARA, None, None));
}

fn of_org(org: &SalesforceSimulator) -> SalesforceClient {
    let auth = SalesforceAuth::ClientCredentials {
        client_id: org.client_id().into(),
        client_secret: org.client_secret().into(),
    };
    let url: Url = org.base_url().parse().unwrap();
    let config = SalesforceConfig { login_url: url.clone(), url, auth, organization: None };
    SalesforceClient::client(config, |_| {}).unwrap()
}

#[tokio::test]
async fn after_the_last_call_of_the_day_no_other_is_sent() {
    let org = SalesforceSimulator::start().await;
    org.set_daily_calls(2);
    let client = of_org(&org);
    assert_eq!(client.ping().await, Ok(()));
    assert_eq!(client.ping().await, Ok(()), "its answer says that it was the last");
    assert!(matches!(client.ping().await, Err(ProviderError::RateLimited { .. })));
    assert_eq!(org.total_requests(), 2);
}

#[tokio::test]
async fn a_locked_row_is_an_outage_and_another_bad_request_is_not() {
    for (code, expected) in [
        ("UNABLE_TO_LOCK_ROW", ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None }),
        ("INVALID_FIELD", ProviderError::Refused { code: "INVALID_FIELD", names_record: false }),
    ] {
        let body = json!([{"message": "mara", "errorCode": code, "fields": []}]);
        let server = Server::start(move |_, _| reply(400, &body)).await;
        assert_eq!(
            salesforce_at(&server.url).batches().unwrap().fetch_many(&[MARA.to_owned()]).await,
            Err(expected)
        );
    }
}

#[test]
fn a_text_that_is_no_key_is_found_when_the_client_is_made() {
    let mut key = salesforce_config("https://orchard.my.salesforce.example");
    key.auth = SalesforceAuth::JwtBearer {
        client_id: "consumer-key".into(),
        username: "sync@orchard.example".into(),
        audience: "https://login.salesforce.com".into(),
        private_key: "mara".into(),
    };
    let error = SalesforceClient::client(key, |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "private key of salesforce is not an RSA key in PEM");
}
