//! Descriptions of APIs, and answers that they are read by. An input is a line with the settings of a source of `rest` as JSON, a line with
//! an ID, and the body of every answer. `https://elsewhere.example` in a body becomes the address of another server, which must get
//! no request, as must any path that is not below the source's address.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::http::Uri;
use axum::http::header::CONTENT_TYPE;
use connectors::{ChangesFrom, Connected, Limits, Mapping, connector};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::marker::{planted, says_nothing};
use crate::replies::write;

const ELSEWHERE: &str = "https://elsewhere.example";

/// More pages are not read: a list may have as many as it likes.
const MOST_PAGES: usize = 5;

struct World {
    runtime: Runtime,
    url: String,
    elsewhere: String,
    body: Arc<Mutex<Bytes>>,
    /// Requests that should not have been sent.
    strayed: Arc<AtomicUsize>,
}

impl World {
    fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (body, strayed) = (Arc::<Mutex<Bytes>>::default(), Arc::<AtomicUsize>::default());
        let (kept, counted) = (Arc::clone(&body), Arc::clone(&strayed));
        let reply = async move |uri: Uri| {
            if !uri.path().starts_with("/api/") {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            ([(CONTENT_TYPE, "application/json")], kept.lock().unwrap().clone())
        };
        let counted = Arc::clone(&strayed);
        let stray = async move || {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        let serve = |router: Router| {
            let listener =
                runtime.block_on(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))).unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            runtime.spawn(async { axum::serve(listener, router).await });
            url
        };
        let url = format!("{}/api", serve(Router::new().fallback(reply)));
        let elsewhere = serve(Router::new().fallback(stray));
        Self { runtime, url, elsewhere, body, strayed }
    }

    fn read(&self, settings: &Value, id: &str, body: &str) {
        *self.body.lock().unwrap() = Bytes::from(body.replace(ELSEWHERE, &self.elsewhere));
        let rest = connector("rest").unwrap();
        let Ok(client) = (rest.connect)(settings, Mapping::default(), Limits::default()) else { return };
        self.runtime.block_on(ask(&client, id));
        assert_eq!(self.strayed.load(Ordering::Relaxed), 0, "a request left the source's address");
    }
}

/// Everything that a worker or a job asks.
async fn ask(client: &Connected, id: &str) {
    if let Err(error) = client.fetch(id, None).await {
        says_nothing(&error);
    }
    if let Some(batches) = client.batches() {
        match batches.fetch_many(&[id.to_owned(), String::from("2")]).await {
            Ok(all) => assert_eq!(all.len(), 2, "one answer for each ID"),
            Err(error) => says_nothing(&error),
        }
    }
    if let Some(push) = client.push()
        && let Err(error) = push.upsert(&write(id, "/email")).await
    {
        says_nothing(&error);
    }
    let Some(listing) = client.listing() else { return };
    let mut after: Option<String> = None;
    for _ in 0..MOST_PAGES {
        match listing.list(after.as_deref()).await {
            Ok(page) => {
                assert!(page.records.iter().all(|record| !record.id.is_empty()));
                after = page.next;
            }
            Err(error) => {
                says_nothing(&error);
                break;
            }
        }
        if after.is_none() {
            break;
        }
    }
    if let Err(error) = listing.changes(ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH)).await {
        says_nothing(&error);
    }
}

static WORLD: LazyLock<Mutex<World>> = LazyLock::new(|| Mutex::new(World::start()));

/// Descriptions, and answers to what they ask for.
pub fn rest_description(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let mut lines = text.splitn(3, '\n');
    let (Some(settings), Some(id), Some(body)) = (lines.next(), lines.next(), lines.next()) else { return };
    let Ok(Value::Object(mut settings)) = serde_json::from_str(settings) else { return };
    let world = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    settings.insert("url".to_owned(), json!(world.url));
    settings.insert("auth".to_owned(), json!({"kind": "none"}));
    let settings = Value::Object(settings);
    // A wrong description is a fault with a place, and never a panic.
    let faults = (connector("rest").unwrap().check)(&settings);
    let _ = (connector("rest").unwrap().described)(&settings);
    if !faults.is_empty() {
        return;
    }
    for body in [body, &planted(body)] {
        world.read(&settings, id, body);
    }
}

/// Descriptions with answers that fit them, and some that lead elsewhere.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let map = json!({"key": "$.key", "given_name": {"path": "$.name.first", "trim": true}, "email": "$.email",
        "phone": {"first": ["$.phones[?@.kind == 'home'].n", "$.phone"], "when": "$.open"},
        "verified_email": {"path": "$.email", "when": "$.checked == true"},
        "birthdate": {"path": "$.born", "date": "[day].[month].[year]"}});
    let settings = |next: Value| {
        json!({
            "fetch": {"path": "/people/{id}", "gone": {"when": "$.status == 'closed'"},
                "version": {"path": "$.at", "format": "rfc3339"}},
            "batch": {"path": "/people?ids={ids}", "max": 9, "items": "$.data[*]", "record": "$.record"},
            "list": {"path": "/people?limit=2", "items": "$.data[*]", "next": next, "total": "$.total"},
            "changes": {"path": "/people?since={since}", "format": "unix"},
            "push": {"update": {"path": "/people/{id}"}, "create": {"path": "/people"},
                "find": {"path": "/people?key={key}", "items": "$.data[*]"}},
            "events": {"id": "$.detail.id", "pattern": {"source": ["a"]}, "removed": "$.detail.kind == 'left'"},
            "map": map
        })
    };
    let record = json!({"id": "1", "at": "2026-11-30T10:00:00Z", "key": "P-1", "name": {"first": " Tove "}, "open": 1,
        "email": "tove@example.org", "checked": true, "born": "24.12.1980", "phones": [{"kind": "home", "n": "+1"}],
        "data": [{"id": "1", "record": {"id": "1"}}, {"id": 2}], "total": 3, "next": "?limit=2&page=2", "cursor": "c2"});
    let link = |to: String| {
        let mut record = record.clone();
        record["next"] = json!(to);
        record
    };
    let nexts = [
        (json!({"link": "$.next"}), record.clone()),
        (json!({"link": "$.next"}), link(format!("{ELSEWHERE}/api/people?page=2"))),
        (json!({"link": "$.next"}), link(String::from("/admin/people?page=2"))),
        (json!({"cursor": "$.cursor", "parameter": "after"}), record.clone()),
        (json!({"page": "page"}), record.clone()),
        (json!({"offset": "start"}), record.clone()),
        (json!({"header": true}), record.clone()),
    ];
    let ids = ["1", "a/../../b", "@elsewhere.example/", "%2e%2e", "1?x=2#y"];
    let seed =
        |((next, body), id): ((Value, Value), &str)| format!("{}\n{id}\n{body}", settings(next)).into_bytes();
    nexts.into_iter().zip(ids.into_iter().cycle()).map(seed).collect()
}
