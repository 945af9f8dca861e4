//! PostgreSQL's work for a contestant, by statement, as its module `pg_stat_statements` counts it.
//!
//! In: a server that counts its statements. Out: a table. The module itself costs time, so it is on only with `--statements`.
//! See <https://www.postgresql.org/docs/current/pgstatstatements.html>. Must not know: what the statements are for.

use local_stack::Postgres;
use serde::Serialize;
use sqlx::{Connection, FromRow, PgConnection};

const SHOWN: i64 = 20;
const TEXT: usize = 110;

/// One statement, over the two measured phases.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub(crate) struct Statement {
    pub(crate) text: String,
    pub(crate) calls: i64,
    /// Time of execution, without planning.
    pub(crate) milliseconds: f64,
    pub(crate) planning_milliseconds: f64,
    pub(crate) rows: i64,
    /// Blocks of 8 KiB that were found in memory or read.
    pub(crate) blocks: i64,
    pub(crate) log_bytes: i64,
}

/// Switches the counting on, and restarts the server. No client may use it yet.
///
/// # Errors
/// When it lacks the module.
pub(crate) async fn collect(postgres: &mut Postgres) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(&postgres.url("postgres")).await?;
    for setting in [
        "alter system set shared_preload_libraries = 'pg_stat_statements'",
        "alter system set pg_stat_statements.track_planning = on",
    ] {
        sqlx::raw_sql(setting).execute(&mut connection).await?;
    }
    connection.close().await?;
    postgres.stop_immediately();
    postgres.start_again().await?;
    let mut connection = PgConnection::connect(&postgres.url("postgres")).await?;
    sqlx::raw_sql("create extension pg_stat_statements").execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

pub(crate) async fn reset(postgres: &Postgres) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(&postgres.url("postgres")).await?;
    sqlx::raw_sql("select pg_stat_statements_reset()").execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

pub(crate) async fn read(postgres: &Postgres) -> anyhow::Result<Vec<Statement>> {
    let mut connection = PgConnection::connect(&postgres.url("postgres")).await?;
    let longest = "select query as text, calls, total_exec_time as milliseconds, total_plan_time as planning_milliseconds, \
                   rows, shared_blks_hit + shared_blks_read as blocks, wal_bytes::bigint as log_bytes \
                   from pg_stat_statements where dbid = (select oid from pg_database where datname = 'bench') \
                   order by total_exec_time + total_plan_time desc limit $1";
    let statements = sqlx::query_as(longest).bind(SHOWN).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(statements)
}

pub(crate) fn table(statements: &[Statement], messages: usize) -> String {
    let mut lines = vec![
        String::from("| calls | ms | ms planning | rows | blocks | WAL KB | statement |"),
        String::from("|---|---|---|---|---|---|---|"),
    ];
    let thousand = |number: f64| number * 1000.0 / crate::run::count(messages);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let counted = |number: i64| thousand(number as f64);
    for one in statements {
        let words: Vec<&str> = one.text.split_whitespace().collect();
        let text: String = words.join(" ").chars().take(TEXT).collect();
        lines.push(format!(
            "| {:.1} | {:.1} | {:.1} | {:.0} | {:.0} | {:.0} | `{text}` |",
            counted(one.calls),
            thousand(one.milliseconds),
            thousand(one.planning_milliseconds),
            counted(one.rows),
            counted(one.blocks),
            counted(one.log_bytes) / 1024.0,
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_for_a_thousand_messages_and_a_text_is_one_short_line() {
        let one = Statement {
            text: format!("select\n  {}", "x".repeat(200)),
            calls: 40,
            milliseconds: 8.0,
            planning_milliseconds: 2.0,
            rows: 4000,
            blocks: 20_000,
            log_bytes: 4_096_000,
        };
        let table = table(&[one], 4000);
        let line = table.lines().last().unwrap();
        assert!(line.starts_with("| 10.0 | 2.0 | 0.5 | 1000 | 5000 | 1000 | `select xxx"), "{line}");
        assert!(line.chars().count() < 180, "{line}");
    }
}
