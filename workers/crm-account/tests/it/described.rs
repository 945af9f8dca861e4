//! Values for an API that only the file describes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, patch};
use axum::{Json, Router};
use local_stack::wait_until;
use serde_json::{Value, json};
use testkit::{PATIENCE, Setup, World};
use tokio::net::TcpListener;

use crate::persons::{announced, person, put_account};
use crate::{BINARY, UNIT};

/// The rows of the API, by ID.
type Rows = Arc<Mutex<BTreeMap<String, Value>>>;

async fn search(State(rows): State<Rows>, Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
    let rows = rows.lock().unwrap();
    let found = rows.iter().filter(|(_, row)| row["coppice_id"] == query["coppice_id"]);
    Json(json!({"data": found.map(|(id, _)| json!({"id": id})).collect::<Vec<_>>()}))
}

async fn create(State(rows): State<Rows>, Json(row): Json<Value>) -> (StatusCode, Json<Value>) {
    let mut rows = rows.lock().unwrap();
    let id = format!("B-{}", rows.len() + 1);
    rows.insert(id.clone(), row);
    (StatusCode::CREATED, Json(json!({"id": id})))
}

async fn update(State(rows): State<Rows>, Path(id): Path<String>, Json(row): Json<Value>) -> StatusCode {
    let mut rows = rows.lock().unwrap();
    let Some(known) = rows.get_mut(&id) else { return StatusCode::NOT_FOUND };
    known.as_object_mut().unwrap().extend(row.as_object().unwrap().clone());
    StatusCode::NO_CONTENT
}

async fn serve(rows: Rows) -> String {
    let api = Router::new()
        .route("/people", get(search).post(create))
        .route("/people/{id}", patch(update))
        .with_state(rows);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, api).await });
    url
}

/// The source, as the value of a key of the file.
fn benefits(url: &str) -> String {
    let settings = [
        &format!(r#"role = "registry", connector = "rest", url = "{url}", auth = {{ kind = "none" }}"#),
        r#"ping = "/people?coppice_id=none", fetch.path = "/people/{id}""#,
        r#"push.update.path = "/people/{id}", push.create.path = "/people""#,
        r#"push.find = { path = "/people?coppice_id={key}", items = "$.data[*]" }"#,
        r#"map.key = "$.coppice_id", map.email = "$.contact.email""#,
    ];
    format!("{{ {} }}", settings.join(", "))
}

#[tokio::test]
async fn a_described_api_receives_the_values_that_others_are_believed_about() {
    let rows = Rows::default();
    let source = benefits(&serve(Arc::clone(&rows)).await);
    let file: &'static str =
        format!("[sources]\nbenefits = {source}\n[push.benefits]\nfields = [\"email\"]").leak();
    let world = World::start_with(Setup::DEFAULT.with_sources(file)).await;
    let settings = [
        ("COPPICE_SOURCE", "benefits"),
        ("sources.benefits", source.as_str()),
        ("push.benefits.fields", r#"["email"]"#),
    ];
    let _worker = world.start_worker(BINARY, UNIT, &settings).await;
    let ada = person(0);
    for email in ["ada@idp.example", "ada@new.idp.example"] {
        put_account(&world, ada, &json!({"email": email})).await;
        world.enqueue(UNIT, &announced(ada)).await;
        let there = async || {
            let wanted = json!({"coppice_id": ada, "contact": {"email": email}});
            Ok((rows.lock().unwrap().get("B-1") == Some(&wanted)).then_some(()))
        };
        wait_until(PATIENCE, "the API to have this address", there).await.unwrap();
        world.settled(UNIT).await;
    }
    assert_eq!(rows.lock().unwrap().len(), 1, "the second announcement found the record of the first");
    assert_eq!(world.announcements(1).await.len(), 1, "the link is announced once");
    assert!(world.dead_letters(UNIT, 0).await.is_empty());
}
