//! The examples of described APIs: each one with recorded answers, and what is read from them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use config::Config;
use connectors::{ChangesFrom, Fetched, ProviderError, Source};
use provider_http::test_server::{answering_with, reply};
use serde_json::{Value, json};
use settings::Reader;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/sources");
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let described: Vec<PathBuf> = all.filter(|path| path.join("answers.json").is_file()).collect();
    assert!(described.len() >= 7, "{described:?}");
    described
}

fn text(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

fn json(folder: &Path, file: &str) -> Value {
    serde_json::from_str(&text(folder, file)).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

/// The address in the file, without a path.
fn address(file: &str) -> String {
    let line = file.lines().find_map(|line| line.strip_prefix("url = \"")).unwrap();
    let host = line.trim_start_matches("https://").split(['/', '"']).next().unwrap();
    format!("https://{host}")
}

/// Answers as recorded. A request without an answer is a fault of the example.
async fn recorded(answers: Value, address: String) -> String {
    answering_with(move |request: Request| {
        let asked = format!("{} {}", request.method(), request.uri());
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        let answer = answers.get(&asked).cloned();
        let here = |text: String| text.replace(&address, &format!("http://{host}"));
        std::future::ready(answer.map_or_else(
            || reply(StatusCode::NOT_IMPLEMENTED.as_u16(), &[], &format!("no answer to {asked}")),
            |answer| response(&answer, here),
        ))
    })
    .await
}

fn response(answer: &Value, here: impl Fn(String) -> String) -> Response {
    let status = u16::try_from(answer["status"].as_u64().unwrap()).unwrap();
    let mut response =
        reply(status, &[("content-type", "application/json")], &here(answer["body"].to_string()));
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let name: axum::http::HeaderName = name.parse().unwrap();
        response.headers_mut().insert(name, here(value.as_str().unwrap().to_owned()).parse().unwrap());
    }
    response
}

/// The example's one source, at the server.
fn connect(file: &str, url: &str) -> Source {
    let config = Config::parse(&file.replace(&address(file), url)).unwrap_or_else(|error| panic!("{error}"));
    let names: BTreeSet<&str> =
        file.split("{ secret = \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let variable = |name: &&str| format!("COPPICE_SECRET_{}", name.to_uppercase().replace('-', "_"));
    let secrets = names.iter().map(|name| (variable(name), String::from("a secret of the example")));
    let source = config.sources().next().unwrap();
    source.connect(&Reader::from_variables(secrets.collect::<Vec<_>>())).unwrap()
}

/// What was read, in the form of `expected.json`.
fn read(fetched: Result<Fetched, ProviderError>) -> Value {
    match fetched {
        Ok(Fetched::Found(record)) => {
            assert!(record.unread.is_empty(), "{:?}", record.unread);
            let mut read = json!({"fields": record.assertions});
            let mut add = |name: &str, value: Option<Value>| {
                if let Some(value) = value {
                    read[name] = value;
                }
            };
            add("key", record.external_key.map(Value::from));
            add("version", record.version_at.map(|at| at.format(&Rfc3339).unwrap().into()));
            add("verified", record.account.map(|account| account.email_verified.into()));
            read
        }
        Ok(Fetched::Gone { .. }) => json!("gone"),
        Ok(Fetched::NotFound | Fetched::NotVisible) => json!("not found"),
        Ok(Fetched::NotModified) => panic!("no entity tag was sent"),
        Err(_) => json!("failed"),
    }
}

async fn listed(source: &Source) -> Vec<String> {
    let listing = source.records.listing().unwrap();
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = listing.list(after.as_deref()).await.unwrap();
        assert!(page.unreadable.is_empty() && page.doubt.is_none(), "{page:?}");
        ids.extend(page.records.into_iter().map(|record| record.id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

async fn changed(source: &Source, since: &str) -> Vec<String> {
    let listing = source.records.listing().unwrap();
    let since = OffsetDateTime::parse(since, &Rfc3339).unwrap();
    let mut page = listing.changes(ChangesFrom::Time(since)).await.unwrap();
    let mut ids = std::mem::take(&mut page.ids);
    while page.more {
        page = listing.changes(ChangesFrom::Cursor(&page.next)).await.unwrap();
        ids.extend(std::mem::take(&mut page.ids));
    }
    ids
}

#[tokio::test]
async fn each_example_reads_what_its_api_answers() {
    for folder in examples() {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let (file, expected) = (text(&folder, "coppice.toml"), json(&folder, "expected.json"));
        let url = recorded(json(&folder, "answers.json"), address(&file)).await;
        let source = connect(&file, &url);
        let fetches: BTreeMap<String, Value> = serde_json::from_value(expected["fetch"].clone()).unwrap();
        for (id, expected) in fetches {
            assert_eq!(read(source.records.fetch(&id, None).await), expected, "{name}: {id}");
        }
        assert_eq!(json!(listed(&source).await), expected["list"], "{name}: list");
        if let Some(changes) = expected.get("changes") {
            let since = changes["since"].as_str().unwrap();
            assert_eq!(json!(changed(&source, since).await), changes["ids"], "{name}: changes");
        }
        if let Some(ids) = expected.get("batch") {
            let ids: Vec<String> = serde_json::from_value(ids.clone()).unwrap();
            let all = source.records.batches().unwrap().fetch_many(&ids).await.unwrap();
            for (id, fetched) in ids.iter().zip(all) {
                assert_eq!(read(Ok(fetched)), expected["fetch"][id], "{name}: {id} in a batch");
            }
        }
    }
}
