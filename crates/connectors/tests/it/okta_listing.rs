//! Users' IDs, page by page, against the simulated organization.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::Uri;
use connectors::{ChangesFrom, Listing, OktaAuth, OktaClient, OktaConfig, Page, ProviderError, Vendor};
use provider_http::test_server::serve;
use serde_json::{Value, json};
use simulators::okta::{OktaSimulator, SimulatedUser};

use time::OffsetDateTime;

use crate::fixtures::okta_at;

/// An organization with this many users.
async fn organization(users: usize) -> OktaSimulator {
    let org = OktaSimulator::start().await;
    for number in 0..users {
        org.put_user(SimulatedUser::new(&format!("00uSim{number:05}h7")));
    }
    org
}

fn client(org: &OktaSimulator) -> OktaClient {
    okta_at(&org.base_url(), org.api_token())
}

/// The rest of the list, from `page` on.
async fn to_the_end(client: &OktaClient, mut page: Page<String>) -> (Vec<usize>, Vec<String>) {
    let (mut sizes, mut ids) = (Vec::new(), Vec::new());
    loop {
        sizes.push(page.items.len());
        ids.append(&mut page.items);
        let Some(next) = page.next else { return (sizes, ids) };
        page = client.list_users(Some(&next)).await.unwrap();
    }
}

fn each_once(ids: &[String], count: usize) {
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (count, count));
}

#[tokio::test]
async fn every_active_user_is_on_one_page_and_deactivated_users_are_on_none() {
    let org = organization(452).await;
    org.deactivate("00uSim00007h7");
    org.deactivate("00uSim00300h7");
    let client = client(&org);
    let (sizes, ids) = to_the_end(&client, client.list_users(None).await.unwrap()).await;
    assert_eq!((sizes, org.pings()), (vec![200, 200, 50], 3));
    each_once(&ids, 450);
    assert!(!ids.iter().any(|id| id == "00uSim00007h7" || id == "00uSim00300h7"));
}

#[tokio::test]
async fn a_last_page_that_is_full_is_the_last_one() {
    for (users, pages) in [(0, vec![0]), (200, vec![200]), (400, vec![200, 200])] {
        let org = organization(users).await;
        let client = client(&org);
        let (sizes, ids) = to_the_end(&client, client.list_users(None).await.unwrap()).await;
        assert_eq!(sizes, pages);
        each_once(&ids, users);
    }
}

#[tokio::test]
async fn a_page_that_a_rate_limit_refused_can_be_read_again() {
    let org = organization(450).await;
    let client = client(&org);
    let first = client.list_users(None).await.unwrap();
    org.set_rate_limit(0, Duration::from_secs(20));
    let limited = client.list_users(first.next.as_deref()).await;
    let Err(ProviderError::RateLimited { retry_after }) = limited else { panic!("{limited:?}") };
    assert!(retry_after > Duration::from_secs(10), "as the headers say: {retry_after:?}");
    org.set_rate_limit(1000, Duration::from_secs(20));
    // The test does not wait: it advances the client's clock.
    tokio::time::pause();
    tokio::time::advance(retry_after).await;
    tokio::time::resume();
    let (sizes, ids) = to_the_end(&client, first).await;
    assert_eq!((sizes, org.pings()), (vec![200, 200, 50], 4));
    each_once(&ids, 450);
}

#[tokio::test]
async fn a_user_who_comes_or_goes_during_the_reading_moves_no_other() {
    let org = organization(450).await;
    let client = client(&org);
    let first = client.list_users(None).await.unwrap();
    org.delete("00uSim00003h7");
    org.put_user(SimulatedUser::new("00uSim00000h0"));
    let (_, ids) = to_the_end(&client, first).await;
    each_once(&ids, 450);
}

/// A server that gives every page this `Link`, with the request's query in place of `{query}`, and the requests that it got.
async fn linking(link: &str) -> (OktaClient, Arc<Mutex<Vec<String>>>) {
    let (link, asked) = (link.to_owned(), Arc::<Mutex<Vec<String>>>::default());
    let kept = Arc::clone(&asked);
    let reply = move |uri: Uri| {
        kept.lock().unwrap().push(uri.to_string());
        let link = link.replace("{query}", uri.query().unwrap_or_default());
        async move { ([("link", link)], r#"[{"id":"00u1"}]"#) }
    };
    (okta_at(&serve(axum::Router::new().fallback(reply)).await, "t"), asked)
}

#[tokio::test]
async fn the_request_names_ids_only() {
    let (client, asked) = linking("</>; rel=self").await;
    for after in [None, Some("a|b")] {
        let page = Page { items: vec!["00u1".to_owned()], next: None, asked: 200, too_large: None };
        assert_eq!(client.list_users(after).await, Ok(page));
    }
    let asked = asked.lock().unwrap().clone();
    let expected = ["/api/v1/users?limit=200&fields=id", "/api/v1/users?limit=200&fields=id&after=a%7Cb"];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_next_link_that_is_malformed_or_leads_elsewhere_is_an_error() {
    let other = organization(1).await;
    for link in [
        "</api/v1/users?after=2; rel=next".to_owned(),
        r#"</api/v1/groups?after=2>; rel="next""#.to_owned(),
        r#"</api/v1/users?limit=200>; rel="next""#.to_owned(),
        format!(r#"<{}/api/v1/users?after=2>; rel="next""#, other.base_url()),
    ] {
        assert_eq!(linking(&link).await.0.list_users(None).await, Err(ProviderError::WRONG_LINK), "{link}");
    }
    assert_eq!(other.total_requests(), 0);
}

#[tokio::test]
async fn a_list_that_links_in_a_circle_is_refused() {
    let (client, _) = linking(r#"</api/v1/users?{query}&x=1>; rel="next""#).await;
    assert_eq!(client.list_users(None).await, Err(ProviderError::WRONG_LINK), "no cursor at all");
    assert_eq!(client.list_users(Some("2")).await, Err(ProviderError::WRONG_LINK), "the requested page");
}

/// A client that reads a megabyte at most.
fn reading_a_megabyte(url: &str) -> OktaClient {
    let config = OktaConfig { url: url.parse().unwrap(), auth: OktaAuth::ApiToken("t".into()) };
    OktaClient::client(config, |limits| limits.max_body_bytes = 1 << 20).unwrap()
}

/// A log of 1,000 entries of 1.8 kB each, in a megabyte at most.
#[tokio::test]
async fn a_page_of_the_log_that_is_too_large_is_read_in_smaller_ones() {
    let entries = |uri: Uri| async move {
        let number = |name: &str| {
            let query = uri.query().unwrap_or_default();
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok())
        };
        let (limit, after) = (number("limit").unwrap(), number("after").unwrap_or(0));
        let entry = |number: usize| {
            let bytes = if number == 700 { 2 << 20 } else { 1800 };
            json!({"eventType": "user.account.update_profile", "target": [{"id": format!("00u{number}"), "type": "User"}],
                "displayMessage": "x".repeat(bytes)})
        };
        let page: Vec<Value> = (after..(after + limit).min(1000)).map(entry).collect();
        let link = format!(r#"</api/v1/logs?after={}>; rel="next""#, after + page.len());
        ([("link", link)], axum::Json(page))
    };
    let client = reading_a_megabyte(&serve(axum::Router::new().fallback(entries)).await);
    let (mut ids, mut unreadable) = (BTreeSet::new(), Vec::new());
    let mut page = client.changes(ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH)).await.unwrap();
    while page.more {
        ids.extend(page.ids);
        unreadable.extend(page.unreadable);
        page = client.changes(ChangesFrom::Cursor(&page.next)).await.unwrap();
    }
    assert_eq!((ids.len(), unreadable.len()), (999, 1), "{unreadable:?}");
}

#[tokio::test]
async fn an_entry_that_is_too_large_and_has_no_link_past_it_is_an_error() {
    let entries = || async { axum::Json(json!([{"eventType": "x".repeat(2 << 20)}])) };
    let client = reading_a_megabyte(&serve(axum::Router::new().fallback(entries)).await);
    let changed = client.changes(ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH)).await;
    assert!(matches!(changed, Err(ProviderError::TooLarge { .. })), "{changed:?}");
}
