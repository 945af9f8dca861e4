//! Directus's client against a real Directus, on the local stack's Postgres. Opt-in, since it takes minutes to install.
//!
//! With Node 20: `npm install directus@11.3.5` in a folder, and then
//! `COPPICE_DIRECTUS_DIR=<folder> cargo nextest run -p provider-content --run-ignored only`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use local_stack::{TestDatabase, free_port, wait_until};
use provider_content::{ContentProvider, FetchedItem, ItemKey, ProviderError};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::clients::{directus_with, read, refusal, summary};

const PATIENCE: Duration = Duration::from_secs(180);
const TOKEN: &str = "a-static-token-of-the-tests";
const COLLECTIONS: [&str; 2] = ["articles", "notices"];

/// A project with two collections, made as its own application makes them.
struct Project {
    url: String,
    http: Client,
    _process: Child,
    _database: TestDatabase,
}

impl Project {
    async fn start() -> Self {
        let test_database = TestDatabase::empty().await.unwrap();
        let database = test_database.url().to_owned();
        let port = free_port().unwrap();
        let bootstrap = command("bootstrap", &database, port).status();
        assert!(bootstrap.await.unwrap().success(), "directus bootstrap");
        let process = command("start", &database, port).spawn().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let project = Self { url, http: Client::new(), _process: process, _database: test_database };
        wait_until(PATIENCE, "Directus to answer", async || {
            let reply = project.http.get(format!("{}/server/ping", project.url)).send().await;
            Ok(reply.is_ok_and(|reply| reply.status().is_success()).then_some(()))
        })
        .await
        .unwrap();
        for name in COLLECTIONS {
            project.call(Method::POST, "collections", collection(name)).await;
        }
        project
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let call = self.http.request(method, format!("{}/{path}", self.url)).bearer_auth(TOKEN);
        let reply = call.json(&body).send().await.unwrap();
        let status = reply.status();
        let text = reply.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Creates an item and answers its ID.
    async fn create(&self, collection: &str, title: &str) -> String {
        let item = json!({ "title": title, "status": "published" });
        let created = self.call(Method::POST, &format!("items/{collection}"), item).await;
        created["data"]["id"].as_str().unwrap().to_owned()
    }
}

fn command(verb: &str, database: &str, port: u16) -> Command {
    let folder = std::env::var_os("COPPICE_DIRECTUS_DIR").map(PathBuf::from);
    let folder = folder.expect("COPPICE_DIRECTUS_DIR is the folder with node_modules");
    let mut command = Command::new(folder.join("node_modules/.bin/directus"));
    command.arg(verb).current_dir(&folder).kill_on_drop(true).stdin(Stdio::null());
    command.env("DB_CLIENT", "pg").env("DB_CONNECTION_STRING", database);
    command.env("HOST", "127.0.0.1").env("PORT", port.to_string()).env("SECRET", "a-secret-of-the-tests");
    command.env("ADMIN_EMAIL", "admin@example.org").env("ADMIN_PASSWORD", "a-password-of-the-tests");
    command.env("ADMIN_TOKEN", TOKEN).env("TELEMETRY", "false").env("LOG_LEVEL", "warn");
    command
}

fn collection(name: &str) -> Value {
    let time = |field: &str, special: &str| json!({ "field": field, "type": "timestamp", "schema": {}, "meta": { "special": [special] } });
    json!({ "collection": name, "schema": {}, "meta": {}, "fields": [
        { "field": "id", "type": "uuid", "schema": { "is_primary_key": true }, "meta": { "special": ["uuid"] } },
        { "field": "status", "type": "string", "schema": {}, "meta": {} },
        { "field": "title", "type": "string", "schema": {}, "meta": {} },
        time("date_created", "date-created"),
        time("date_updated", "date-updated"),
    ] })
}

#[tokio::test]
#[ignore = "needs a Directus that is installed: see the module's documentation"]
async fn a_real_directus_answers_as_the_simulated_one_does() {
    let project = Project::start().await;
    let client = directus_with(&project.url, TOKEN, "articles", 2);
    let notices = directus_with(&project.url, TOKEN, "notices", 2);
    assert_eq!(client.ping().await, Ok(()));
    let mut articles = Vec::new();
    for title in ["a", "b", "c", "d", "e"] {
        articles.push(project.create("articles", title).await);
    }
    let (first, _) = read(&client, None).await;
    assert_eq!((first.items.len(), client.count().await), (5, Ok(5)));
    assert!(first.items.iter().all(|item| item.version.is_some() && item.published));

    let update = |id: &str, change: Value| {
        let path = format!("items/articles/{id}");
        let project = &project;
        async move { project.call(Method::PATCH, &path, change).await }
    };
    update(&articles[1], json!({ "title": "changed" })).await;
    update(&articles[2], json!({ "status": "draft" })).await;
    let notice = project.create("notices", "notice").await;
    project.call(Method::DELETE, &format!("items/articles/{}", articles[0]), json!({})).await;
    let (changes, _) = read(&client, Some(&first.next)).await;
    let seen = [summary(&changes), summary(&read(&notices, None).await.0)].concat();
    for expected in [
        format!("articles/{} changed", articles[1]),
        format!("articles/{} c", articles[2]),
        format!("notices/{notice} notice"),
    ] {
        assert!(seen.contains(&expected), "{expected} in {seen:?}");
    }
    assert!(!seen.iter().any(|one| one.contains(&articles[0])), "nothing tells of the deletion");

    let key = |id: &str| ItemKey { collection: String::from("articles"), id: id.to_owned() };
    assert_eq!(client.fetch_item(&key(&articles[0])).await, Ok(FetchedItem::Gone));
    let Ok(FetchedItem::Found(draft)) = client.fetch_item(&key(&articles[2])).await else {
        panic!("it is there")
    };
    assert!(!draft.published);
    let listed = read(&client, None).await.0;
    assert_eq!((listed.items.len() as u64, client.count().await), (4, Ok(4)));

    let stranger = directus_with(&project.url, "another-token", "articles", 2);
    assert_eq!(stranger.ping().await, Err(ProviderError::Unauthorized));
    let wrong = directus_with(&project.url, TOKEN, "nothing", 2);
    assert_eq!(refusal(&wrong, None).await, ProviderError::Unauthorized.into());
}
