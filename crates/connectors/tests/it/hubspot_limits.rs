//! The account's limits, and authentication.

use std::time::Duration;

use connectors::{
    Batches, ChangesFrom, HubSpotClient, Listing, ProviderError, Push, RecordWrite, Records, Vendor,
};
use provider_http::{ConfigError, Outage};
use serde_json::json;
use simulators::hubspot::{Fault, SimulatedContact};
use time::OffsetDateTime;

use crate::fixtures::{SECRET, account, hubspot_at, hubspot_config};
use crate::server::{Server, reply};

fn limited(secs: u64) -> ProviderError {
    ProviderError::RateLimited { retry_after: Duration::from_secs(secs) }
}

#[tokio::test]
async fn the_probe_lists_one_contact_without_its_values() {
    let server = Server::start(|_, _| reply(200, &json!({"results": []}))).await;
    assert_eq!(hubspot_at(&server.url).ping().await, Ok(()));
    assert_eq!(server.asked()[0].uri, "/crm/objects/2026-09/contacts?limit=1&properties=hs_object_id");
}

#[tokio::test]
async fn a_used_up_day_parks_every_call_and_a_burst_backs_off() {
    let (account, client) = account().await;
    account.set_daily_limit(1);
    assert_eq!(client.ping().await, Ok(()));
    assert_eq!(client.ping().await, Err(limited(900)));
    assert!(matches!(client.fetch_many(&["7001".to_owned()]).await, Err(ProviderError::RateLimited { .. })));
    assert_eq!(account.total_requests(), 2, "the third call is not sent");

    let (account, client) = crate::fixtures::account().await;
    account.set_burst_limit(1);
    assert_eq!(client.ping().await, Ok(()));
    assert_eq!(client.ping().await, Err(limited(10)));
}

#[tokio::test]
async fn a_search_over_its_own_limit_waits_a_few_seconds() {
    let (account, client) = account().await;
    account.set_search_limit(0);
    let from = ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH);
    assert_eq!(client.changes(from).await, Err(limited(5)));
    // Some of these replies have no body that says which limit it is.
    let server = Server::start(|_, _| reply(429, &json!({}))).await;
    assert_eq!(hubspot_at(&server.url).changes(from).await, Err(limited(5)));
}

#[tokio::test]
async fn a_locked_record_is_tried_again_after_two_seconds_and_reads_go_on() {
    let (account, client) = account().await;
    account.put_contact(SimulatedContact::new(7001));
    account.set_fault(Fault::Locked);
    let write = RecordWrite { id: Some("7001".into()), external_key: "P-7".into(), values: [].into() };
    let locked =
        ProviderError::Unavailable { cause: Outage::ServerError, retry_after: Some(Duration::from_secs(2)) };
    assert_eq!(client.upsert(&write).await, Err(locked));
    assert_eq!(client.ping().await, Ok(()));
}

#[tokio::test]
async fn a_refused_token_is_final() {
    let (account, client) = account().await;
    account.set_fault(Fault::TokenRefused);
    assert_eq!(client.ping().await, Err(ProviderError::Unauthorized));
    assert_eq!(account.total_requests(), 1);
}

#[test]
fn a_token_is_never_sent_in_the_clear() {
    let clear =
        HubSpotClient::client(hubspot_config("http://api.hubapi.example", SECRET), |_| {}).unwrap_err();
    assert!(matches!(clear, ConfigError::PlainHttp { upstream: "hubspot" }));
}
