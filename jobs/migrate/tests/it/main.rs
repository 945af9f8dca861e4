//! Runs the real binary with a real database that is empty, up to date or unreachable, and two runs at once.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output, Stdio};

use local_stack::TestDatabase;
use postgres_store::{MIGRATOR, SqlRoles, Store};
use sqlx::{AssertSqlSafe, PgPool};

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

fn run_for_roles(database: &Database, prefix: &str) -> (Option<i32>, String) {
    said(&command(Some(&database.url), &[]).env("COPPICE_SQL_ROLES", prefix).output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_unit_s_sql_role_gets_what_its_unit_needs_and_a_missing_role_is_named() {
    let database = Database::empty().await;
    // The roles belong to the server, which other tests share.
    let prefix = format!("orchard_{}_", std::process::id());
    let roles: SqlRoles = prefix.parse().unwrap();
    let pool = PgPool::connect(&database.url).await.unwrap();
    let execute = async |sql: String| sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap();

    let (code, text) = run_for_roles(&database, &prefix);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains(&format!("these SQL roles do not exist: {prefix}app_login, {prefix}audit, ")),
        "{text}"
    );
    for role in roles.names() {
        execute(format!("create role {role}")).await;
    }
    for _ in 0..2 {
        let (code, text) = run_for_roles(&database, &prefix);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("schema is up to date"), "the first run brought it there: {text}");
        let units = roles.names().len();
        assert!(
            text.ends_with(&format!("{units} SQL roles, {prefix}…, have the rights that their units need\n"))
        );
    }
    let may = async |unit: &str, right: &str, table: &str| -> bool {
        let question = format!("select has_table_privilege('{prefix}{unit}', '{table}', '{right}')");
        sqlx::query_scalar(AssertSqlSafe(question)).fetch_one(&pool).await.unwrap()
    };
    assert!(may("webhook_ingress", "insert", "ingress_outbox").await);
    assert!(!may("webhook_ingress", "select", "person").await);
    assert!(may("audit", "select", "source_record").await && !may("audit", "update", "source_record").await);
    for role in roles.names() {
        execute(format!("drop owned by {role}; drop role {role}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_release_leaves_the_rights_of_a_newer_schema_as_they_are() {
    let database = Database::empty().await;
    assert_eq!(run(Some(&database.url), &[]).0, Some(0));
    let pool = PgPool::connect(&database.url).await.unwrap();
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
                 values (99991231235959, 'newer', true, '', 0)";
    sqlx::raw_sql(newer).execute(&pool).await.unwrap();
    let prefix = format!("thicket_{}_", std::process::id());
    let roles: SqlRoles = prefix.parse().unwrap();
    for role in roles.names() {
        sqlx::raw_sql(AssertSqlSafe(format!("create role {role}"))).execute(&pool).await.unwrap();
    }
    let (code, text) = run_for_roles(&database, &prefix);
    assert_eq!(code, Some(0), "{text}");
    let question = format!("select has_table_privilege('{prefix}audit', 'source_record', 'select')");
    let granted: bool = sqlx::query_scalar(AssertSqlSafe(question)).fetch_one(&pool).await.unwrap();
    assert!(!granted, "{text}");
    assert!(text.contains("a newer release has brought the schema further"), "{text}");
    for role in roles.names() {
        sqlx::raw_sql(AssertSqlSafe(format!("drop role {role}"))).execute(&pool).await.unwrap();
    }
}

#[test]
fn a_prefix_that_no_role_can_have_is_a_wrong_setting() {
    let mut command = command(Some("postgres://127.0.0.1:9/fleet"), &[]);
    let (code, text) = said(&command.env("COPPICE_SQL_ROLES", "a; drop").output().unwrap());
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("COPPICE_SQL_ROLES: cannot be used: a role's name begins with"), "{text}");
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
