//! Providers that count wrongly, or have a record that cannot be read: every other record is sent, and the run says so.

use provider_http::test_server::{answering_with, reply};
use serde_json::{Value, json};
use testkit::{Said, World};

use crate::{BINARY, SSO, waiting};

const USERS: usize = 250;

/// A SCIM server of 250 users whose total counts those of the page. One of them may have no ID.
async fn scim(without_id: Option<usize>) -> String {
    answering_with(move |request| {
        let number = |name: &str| {
            let query = request.uri().query().unwrap_or_default();
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok())
        };
        let (start, count) = (number("startIndex").unwrap_or(1), number("count").unwrap_or(100));
        let user = |number| {
            let id = (without_id != Some(number)).then(|| format!("u{number:04}"));
            let at = format!("2026-11-01T{:02}:{:02}:00Z", number / 60, number % 60);
            json!({"id": id, "userName": format!("u{number}"), "active": true, "meta": {"lastModified": at}})
        };
        let page: Vec<Value> = (start..(start + count).min(USERS + 1)).map(user).collect();
        let body = match request.uri().path() {
            "/Users" => json!({"totalResults": page.len(), "itemsPerPage": page.len(), "Resources": page}),
            _ => json!({"filter": {"supported": true}, "sort": {"supported": false}}),
        };
        std::future::ready(reply(200, &[], &body.to_string()))
    })
    .await
}

async fn enqueue(world: &World, url: &str, arguments: &[&str]) -> Said {
    let settings = testkit::scim_settings(url, "a-token");
    world.run_job(BINARY, SSO, &[&["scim"], arguments, &["--json"]].concat(), &settings).await
}

#[tokio::test]
async fn a_total_that_counts_the_page_hides_no_user() {
    let world = World::start().await;
    let url = scim(None).await;
    let changes = enqueue(&world, &url, &["changes", "--since", "2026-10-01T00:00:00Z"]).await;
    changes.says(0, &[]);
    assert_eq!((changes.json()["sent"].as_u64(), waiting(&world, SSO).await), (Some(250), 250));
    // The totals contradict each other, so the listing proves no deletion. It sends every user all the same.
    let listing = enqueue(&world, &url, &["listing"]).await;
    listing.says(1, &["the provider said that it has 100 records, and 50 on page 3"]);
    assert_eq!(listing.json()["sent"].as_u64(), Some(250));
}

#[tokio::test]
async fn a_user_that_cannot_be_read_is_named_and_costs_no_other() {
    let world = World::start().await;
    let url = scim(Some(137)).await;
    let finding = "record 137 of page 2 cannot be read";
    let changes = enqueue(&world, &url, &["changes", "--since", "2026-10-01T00:00:00Z"]).await;
    changes.says(1, &[finding, "the readable changes were sent"]);
    assert_eq!(changes.json()["sent"].as_u64(), Some(249));
    let listing = enqueue(&world, &url, &["listing"]).await;
    listing.says(1, &[finding]);
    assert_eq!(listing.json()["sent"].as_u64(), Some(249));
}
