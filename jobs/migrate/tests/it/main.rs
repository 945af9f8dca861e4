//! Runs the real binary with a real database that is empty, up to date or unreachable, and two runs at once.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output, Stdio};

use local_stack::TestDatabase;
use postgres_store::{MIGRATOR, Store};

const BINARY: &str = env!("CARGO_BIN_EXE_migrate");

struct Database {
    url: String,
    _database: TestDatabase,
}

impl Database {
    async fn empty() -> Self {
        let database = TestDatabase::empty().await.unwrap();
        Self { url: database.url().to_owned(), _database: database }
    }

    async fn is_up_to_date(&self) -> bool {
        Store::open(&self.url.clone().into(), 1).unwrap().check_schema().await.is_ok()
    }
}

fn command(url: Option<&str>, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.envs(url.map(|url| ("DATABASE_URL", url)));
    command
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (output.status.code(), text.concat())
}

fn run(url: Option<&str>, arguments: &[&str]) -> (Option<i32>, String) {
    said(&command(url, arguments).output().unwrap())
}

/// The version of the last migration.
fn newest() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_creates_the_schema_in_an_empty_database_once() {
    let database = Database::empty().await;
    let url = Some(database.url.as_str());
    let newest = newest();
    let ahead = format!("schema is at version 0, this build brings it to {newest}\n");
    assert_eq!(run(url, &["--dry-run"]), (Some(1), ahead));
    assert!(!database.is_up_to_date().await, "a dry run creates nothing");
    assert_eq!(run(url, &[]), (Some(0), format!("schema brought from version 0 to {newest}\n")));
    assert!(database.is_up_to_date().await);
    for arguments in [&[][..], &["--dry-run"]] {
        let (code, text) = run(url, arguments);
        assert_eq!(code, Some(0));
        assert!(text.starts_with("schema is up to date ("), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_concurrent_runs_both_succeed() {
    let database = Database::empty().await;
    let both = [(); 2].map(|()| command(Some(&database.url), &[]).spawn().unwrap());
    for one in both {
        let (code, text) = said(&one.wait_with_output().unwrap());
        assert_eq!(code, Some(0), "{text}");
    }
    assert!(database.is_up_to_date().await);
}

#[test]
fn errors_do_not_quote_the_password() {
    let (code, text) = run(None, &[]);
    assert_eq!(code, Some(2));
    assert!(text.contains("DATABASE_URL"), "{text}");
    let (code, text) = run(Some("hidden-word"), &[]);
    assert_eq!(code, Some(2));
    assert!(text.contains("DATABASE_URL: ") && !text.contains("hidden-word"), "{text}");
    let (code, text) = run(Some("postgres://user:hidden-word@127.0.0.1:9/fleet"), &[]);
    assert_eq!(code, Some(1));
    assert!(text.starts_with("migrate: ") && !text.contains("hidden-word"), "{text}");
}
