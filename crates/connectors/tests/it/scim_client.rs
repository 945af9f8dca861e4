//! The SCIM client against a real server.

use connectors::{
    ChangesFrom, Fetched, Listing, ProviderError, Record, Records, ScimClient, ScimConfig, Vendor,
};
use provider_http::test_server::serve;
use serde_json::{Value, json};
use time::OffsetDateTime;

use testkit::ScimServer;

use crate::fixtures::{Parts as _, scim_at, scim_of};

fn ilse() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ilse.brandt@example.org",
        "externalId": "P-000917",
        "name": {"givenName": "Ilse", "familyName": "Brandt", "formatted": "Ilse Brandt"},
        "emails": [{"value": "ilse.brandt@example.org", "type": "work", "primary": true}],
        "phoneNumbers": [{"value": "+1-555-010-0121", "type": "mobile"}],
        "active": true,
    })
}

fn id(user: &Value) -> &str {
    user["id"].as_str().unwrap()
}

async fn found(client: &ScimClient, id: &str) -> Record {
    match client.fetch(id, None).await {
        Ok(Fetched::Found(user)) => *user,
        other => panic!("{id}: {other:?}"),
    }
}

#[tokio::test]
async fn a_user_is_followed_from_creation_to_deletion() {
    let server = ScimServer::start().await;
    let client = scim_of(&server);
    let stored = server.create(&ilse()).await;
    let first = found(&client, id(&stored)).await;
    assert_eq!(first.text("email"), Some("ilse.brandt@example.org"));
    assert_eq!((first.text("given_name"), first.text("family_name")), (Some("Ilse"), Some("Brandt")));
    assert_eq!(first.external_key.as_deref(), Some("P-000917"));
    assert!(first.text("phone").is_some() && !first.account().blocked && first.etag.is_some());

    let unchanged = client.fetch(id(&stored), first.etag.as_deref()).await;
    assert_eq!(unchanged, Ok(Fetched::NotModified));

    server.replace(id(&stored), "active", json!(false)).await;
    let Ok(Fetched::Found(second)) = client.fetch(id(&stored), first.etag.as_deref()).await else {
        panic!("a changed user is not modified")
    };
    assert!(second.account().blocked && second.version_at > first.version_at && second.etag != first.etag);

    server.delete(id(&stored)).await;
    assert_eq!(client.fetch(id(&stored), None).await, Ok(Fetched::NotFound));
}

/// The users of the whole feed, each once, and the sizes of its pages.
async fn changed(client: &ScimClient) -> (Vec<String>, Vec<usize>) {
    let (mut ids, mut sizes) = (Vec::new(), Vec::new());
    let mut page = client.changes(ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH)).await.unwrap();
    loop {
        sizes.push(page.ids.len());
        for id in page.ids {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        if !page.more {
            return (ids, sizes);
        }
        page = client.changes(ChangesFrom::Cursor(&page.next)).await.unwrap();
    }
}

#[tokio::test]
async fn changes_are_listed_page_by_page() {
    let server = ScimServer::start().await;
    let client = scim_of(&server);
    let mut ids = Vec::new();
    for number in 0..103 {
        let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("u{number}")});
        ids.push(id(&server.create(&user).await).to_owned());
    }
    let (listed, sizes) = changed(&client).await;
    assert!(sizes.len() > 1 && sizes.iter().all(|size| *size <= 100), "{sizes:?}");
    assert_eq!(listed, ids, "oldest change first");

    server.replace(&ids[0], "displayName", json!("Changed")).await;
    ids.rotate_left(1);
    assert_eq!(changed(&client).await.0, ids);
}

#[tokio::test]
async fn a_wrong_token_is_unauthorized() {
    let server = ScimServer::start().await;
    let base_url = server.base_url();
    let config = ScimConfig { url: base_url.parse().unwrap(), token: "wrong".into() };
    let stranger = ScimClient::client(config, |_| {}).unwrap();
    assert_eq!(stranger.fetch("x", None).await, Err(ProviderError::Unauthorized));
}

#[tokio::test]
async fn a_server_without_filters_is_listed_in_full() {
    let config = json!({"filter": {"supported": false}, "sort": {"supported": false}});
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let record = std::sync::Arc::clone(&seen);
    let users = move |uri: axum::http::Uri| async move {
        record.lock().unwrap().push(uri.query().unwrap().to_owned());
        axum::Json(json!({"totalResults": 1, "Resources": [{"id": "2f"}]}))
    };
    let router = axum::Router::new()
        .route("/ServiceProviderConfig", axum::routing::get(move || async move { axum::Json(config) }))
        .route("/Users", axum::routing::get(users));
    let client = scim_at(&serve(router).await);
    let (ids, sizes) = changed(&client).await;
    assert_eq!((ids, sizes), (vec![String::from("2f")], vec![1, 1]), "the second page repeats the first");
    let query = |start| format!("startIndex={start}&count=100&attributes=userName%2Cmeta.lastModified");
    assert_eq!(*seen.lock().unwrap(), [query(1), query(2)]);
}
