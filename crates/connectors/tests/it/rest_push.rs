//! Writing one record of a described API: by its ID, by our key, as a new one, and what a refused value costs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use connectors::{
    Connected, ProviderError, RecordWrite, RefusedProperty, RestClient, RestConfig, Written, connector,
};
use provider_http::Outage;
use provider_http::test_server::reply;
use serde_json::{Value, json};

use crate::fixtures::{connected, rest_settings};
use crate::server::{Asked, Server};

const GONE: ProviderError = ProviderError::Invalid { status: 404 };

fn settings(url: &str) -> Value {
    let mut settings = rest_settings(url);
    settings["map"] = json!({"key": "$.coppice_id", "given_name": "$.name.first", "email": "$.email",
        "phone": {"path": "$.phone", "trim": true}});
    settings["push"] = json!({
        "update": {"path": "/people/{id}?notify=no"},
        "create": {"path": "/people", "id": "$.data.id"},
        "find": {"path": "/people?coppice_id={key}", "items": "$.data[*]"},
        "body": "/data"
    });
    settings
}

fn client(settings: Value) -> Connected {
    connected::<RestClient>(serde_json::from_value::<RestConfig>(settings).unwrap())
}

fn write(id: Option<&str>, values: &[(&str, Option<&str>)]) -> RecordWrite {
    let values: BTreeMap<_, _> =
        values.iter().map(|(place, value)| ((*place).to_owned(), value.map(str::to_owned))).collect();
    RecordWrite { id: id.map(str::to_owned), external_key: "P-7".into(), values }
}

const BOTH: [(&str, Option<&str>); 2] =
    [("/name/first", Some("Mara")), ("/email", Some("mara.quill@example.org"))];

/// An API with one table: finds by key, creates, and updates.
#[derive(Clone, Default)]
struct Api(Arc<Mutex<BTreeMap<String, Value>>>);

impl Api {
    fn answer(&self, asked: &Asked) -> axum::response::Response {
        let mut rows = self.0.lock().unwrap();
        let ok = |value: &Value| reply(200, &[], &value.to_string());
        match asked.line.split_once(' ').unwrap() {
            ("GET", "/people") => {
                let key = asked.uri.rsplit('=').next().unwrap();
                let found = rows.iter().filter(|(_, row)| row["coppice_id"] == key);
                ok(&json!({"data": found.map(|(id, _)| json!({"id": id})).collect::<Vec<_>>()}))
            }
            ("POST", "/people") => {
                let id = format!("R-{}", rows.len() + 1);
                rows.insert(id.clone(), asked.body["data"].clone());
                ok(&json!({"data": {"id": id}}))
            }
            ("PATCH", path) => match rows.get_mut(path.trim_start_matches("/people/")) {
                Some(row) => {
                    row.as_object_mut().unwrap().extend(asked.body["data"].as_object().unwrap().clone());
                    reply(204, &[], "")
                }
                None => reply(404, &[], ""),
            },
            other => panic!("{other:?}"),
        }
    }

    async fn start(&self) -> Server {
        let api = self.clone();
        Server::start(move |_, asked| api.answer(asked)).await
    }

    fn row(&self, id: &str) -> Value {
        self.0.lock().unwrap()[id].clone()
    }
}

async fn upsert(client: &Connected, write: &RecordWrite) -> Result<Written, ProviderError> {
    client.push().unwrap().upsert(write).await
}

#[tokio::test]
async fn a_record_is_created_with_our_key_and_found_by_it_afterwards() {
    let api = Api::default();
    let client = client(settings(&api.start().await.url));
    let first = upsert(&client, &write(None, &BOTH)).await;
    assert_eq!(first, Ok(Written { id: "R-1".into(), created: true, refused: vec![] }));
    assert_eq!(
        api.row("R-1"),
        json!({"coppice_id": "P-7", "name": {"first": "Mara"}, "email": "mara.quill@example.org"})
    );
    let again = upsert(&client, &write(None, &[("/email", None)])).await;
    assert_eq!(again, Ok(Written { id: "R-1".into(), created: false, refused: vec![] }));
    assert_eq!(api.row("R-1")["email"], Value::Null);
}

#[tokio::test]
async fn a_known_record_is_written_where_it_is_and_one_that_is_gone_stays_gone() {
    let api = Api::default();
    api.0.lock().unwrap().insert("a/b".into(), json!({}));
    let server = api.start().await;
    let client = client(settings(&server.url));
    assert_eq!(upsert(&client, &write(Some("7"), &BOTH)).await, Err(GONE));
    let server_asked = server.asked();
    assert_eq!(server_asked[0].uri, "/people/7?notify=no");
    assert_eq!(server_asked.len(), 1, "it is not created again");
}

#[tokio::test]
async fn without_create_an_unknown_record_is_left_alone() {
    let api = Api::default();
    let server = api.start().await;
    let mut settings = settings(&server.url);
    settings["push"].as_object_mut().unwrap().remove("create");
    assert_eq!(upsert(&client(settings.clone()), &write(None, &BOTH)).await, Err(GONE));
    settings["push"].as_object_mut().unwrap().remove("find");
    assert_eq!(upsert(&client(settings), &write(None, &BOTH)).await, Err(GONE));
    assert!(server.asked().iter().all(|asked| asked.line.starts_with("GET")));
}

#[tokio::test]
async fn a_status_that_says_already_there_leads_to_the_record_that_is_there() {
    // Another writer creates it between our search and our create.
    let server = Server::start(|number, asked| match (number, asked.line.as_str()) {
        (1, "GET /people") => reply(200, &[], r#"{"data":[]}"#),
        (2, "POST /people") => reply(409, &[], ""),
        (3, "GET /people") => reply(200, &[], r#"{"data":[{"id":12}]}"#),
        (4, "PATCH /people/12") => reply(200, &[], "{}"),
        other => panic!("{other:?}"),
    })
    .await;
    let written = upsert(&client(settings(&server.url)), &write(None, &BOTH)).await;
    assert_eq!(written, Ok(Written { id: "12".into(), created: false, refused: vec![] }));
    // It is not visible yet: the next try finds it.
    let server = Server::start(|_, asked| match asked.line.as_str() {
        "GET /people" => reply(200, &[], r#"{"data":[]}"#),
        _ => reply(409, &[], ""),
    })
    .await;
    let busy = ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };
    assert_eq!(upsert(&client(settings(&server.url)), &write(None, &BOTH)).await, Err(busy));
}

#[tokio::test]
async fn a_value_that_is_refused_costs_no_other() {
    let server = Server::start(|_, asked| {
        let odd = asked.body["data"].get("email").is_some();
        reply(if odd { 422 } else { 200 }, &[], "{}")
    })
    .await;
    let client = client(settings(&server.url));
    let refused = vec![RefusedProperty { property: "/email".into(), code: "INVALID_VALUE" }];
    let written = upsert(&client, &write(Some("7"), &BOTH)).await;
    assert_eq!(written, Ok(Written { id: "7".into(), created: false, refused }));
    let alone = upsert(&client, &write(Some("7"), &BOTH[1..])).await;
    assert_eq!(alone, Err(ProviderError::Invalid { status: 422 }));
}

#[tokio::test]
async fn a_search_that_answers_something_else_creates_nothing() {
    for (status, body) in [
        (200, "[]"),
        (200, r#"{"data":null}"#),
        (404, ""),
        (200, r#"{"data":[{"id":"1"},{"id":"2"}]}"#),
        (200, r#"{"data":[{"name":"mara"}]}"#),
    ] {
        let server = Server::start(move |_, _| reply(status, &[], body)).await;
        let error = upsert(&client(settings(&server.url)), &write(None, &BOTH)).await.unwrap_err();
        assert_ne!(error, GONE, "{body}: only the record's own path proves that it is gone");
        assert!(!error.to_string().contains("mara"));
        assert_eq!(server.asked().len(), 1, "{body}: {error}");
    }
}

#[test]
fn a_field_has_a_property_only_where_it_is_read_as_it_stands() {
    let client = client(settings("https://benefits.example"));
    let push = client.push().unwrap();
    let properties = ["given_name", "email", "phone", "key", "birthdate"].map(|field| push.property(field));
    assert_eq!(properties, [Some("/name/first"), Some("/email"), None, None, None]);
    assert!(push.can_write("/email") && !push.can_write("/coppice_id") && !push.can_write("/id"));
}

#[test]
fn every_fault_of_a_push_is_named() {
    let mut settings = settings("https://benefits.example");
    settings["push"] =
        json!({"update": {"path": "/people"}, "create": {"path": "/people/{id}"}, "body": "data"});
    settings["map"].as_object_mut().unwrap().remove("key");
    let faults = (connector("rest").unwrap().check)(&settings);
    let at: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(at, ["/push/update/path", "/push/create/path"], "{faults:?}");
    settings["push"]["create"] = json!({"path": "/people"});
    let faults = (connector("rest").unwrap().check)(&settings);
    let at: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(at, ["/push/update/path", "/push/create", "/push/body", "/push"], "{faults:?}");
}
