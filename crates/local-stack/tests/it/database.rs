//! PostgreSQL: its data survives an immediate stop.

use local_stack::Postgres;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::tools;

async fn execute(url: &str, sql: &str) -> anyhow::Result<u64> {
    let mut connection = PgConnection::connect(url).await?;
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
    connection.close().await?;
    Ok(done.rows_affected())
}

#[tokio::test]
async fn a_stopped_server_starts_again_with_its_data() {
    let mut postgres = Postgres::start(&tools()).await.unwrap();
    let url = postgres.create_database("orchard").await.unwrap();
    execute(&url, "CREATE TABLE tree (name text); INSERT INTO tree VALUES ('hazel')").await.unwrap();

    postgres.stop_immediately();
    assert!(execute(&url, "SELECT 1").await.is_err());

    postgres.start_again().await.unwrap();
    assert_eq!(execute(&url, "UPDATE tree SET name = 'ash' WHERE name = 'hazel'").await.unwrap(), 1);
}

#[tokio::test]
async fn two_servers_run_side_by_side() {
    let tools = tools();
    let (first, second) = tokio::join!(Postgres::start(&tools), Postgres::start(&tools));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_ne!(first.port(), second.port());
    for server in [&first, &second] {
        execute(&server.url("coppice"), "CREATE TABLE tree (name text)").await.unwrap();
    }
}

#[tokio::test]
async fn a_dropped_server_accepts_no_connections() {
    let postgres = Postgres::start(&tools()).await.unwrap();
    let url = postgres.url("coppice");
    drop(postgres);
    assert!(execute(&url, "SELECT 1").await.is_err());
}

#[tokio::test]
async fn a_promoted_standby_has_every_commit_and_takes_writes() {
    let tools = tools();
    let mut primary = Postgres::start(&tools).await.unwrap();
    let standby = primary.start_standby(&tools).await.unwrap();
    let insert = "CREATE TABLE tree (name text); INSERT INTO tree VALUES ('hazel')";
    execute(&primary.url("coppice"), insert).await.unwrap();
    let update = "UPDATE tree SET name = 'ash' WHERE name = 'hazel'";
    assert!(execute(&standby.url("coppice"), update).await.is_err(), "a standby is read-only");

    primary.stop_immediately();
    standby.promote().await.unwrap();
    assert_eq!(execute(&standby.url("coppice"), update).await.unwrap(), 1);
}
