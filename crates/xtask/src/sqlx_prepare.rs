//! Renews `.sqlx`, or checks that it is current. When the store compiles, sqlx's macros ask a database with all migrations to
//! describe every query. `cargo sqlx prepare` does the same, but takes minutes to build on a new machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use local_stack::Postgres;
use sqlx::migrate::Migrator;

use crate::commands::{cargo, tools, workspace};

const STORE: &str = "postgres-store";

/// Renews the descriptions or, with `check`, fails when they are out of date.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let fresh = tempfile::tempdir()?;
    describe(fresh.path())?;
    let committed = workspace().join(".sqlx");
    let (old, new) = (descriptions(&committed)?, descriptions(fresh.path())?);
    if new.is_empty() {
        bail!("no query was described: cargo did not compile {STORE}");
    }
    if old == new {
        println!("the descriptions of {} queries are up to date", new.len());
        return Ok(());
    }
    if check {
        bail!(
            "the query descriptions in .sqlx are out of date: run `cargo xtask sqlx-prepare` and commit them"
        );
    }
    fs::create_dir_all(&committed)?;
    for name in old.keys() {
        fs::remove_file(committed.join(name))?;
    }
    for (name, text) in &new {
        fs::write(committed.join(name), text)?;
    }
    println!("renewed the descriptions of {} queries", new.len());
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn describe(folder: &Path) -> anyhow::Result<()> {
    let postgres = Postgres::start(&tools()?).await?;
    let url = postgres.create_database("sqlx_prepare").await?;
    let pool = sqlx::PgPool::connect(&url).await?;
    Migrator::new(workspace().join("migrations")).await?.run(&pool).await.context("migrations")?;
    // A target directory of its own: the macros run only when the crate is compiled, and compiling it in the shared
    // directory would make every crate that depends on it compile again.
    let target = workspace().join("target/sqlx-prepare");
    let target = target.to_str().context("the path of the checkout is not UTF-8")?;
    let cleaned = cargo(&["clean", "--quiet", "--package", STORE, "--target-dir", target]).status()?;
    if !cleaned.success() {
        bail!(
            "cargo cannot remove the earlier build of {STORE} from {target}: delete that folder and try again"
        );
    }
    let status = cargo(&["check", "--package", STORE, "--quiet", "--target-dir", target])
        .env("DATABASE_URL", &url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", folder)
        .status()?;
    if !status.success() {
        bail!("a query does not fit the schema");
    }
    Ok(())
}

fn descriptions(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut descriptions = BTreeMap::new();
    if !folder.exists() {
        return Ok(descriptions);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        descriptions
            .insert(entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path())?);
    }
    Ok(descriptions)
}
