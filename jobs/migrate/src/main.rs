//! Brings the database schema up to this build's, and ends.
//!
//! In: `DATABASE_URL`. Out: the schema, and a line for each migration. Safe to run twice and in two places at once:
//! sqlx takes an advisory lock. Workers refuse to start before it has run.
//!
//! Exit codes, as every job has them: 0 the schema is up to date; 1 a migration failed, or (with `--dry-run`) there are
//! migrations to run; 2 wrong usage or settings.

use std::process::ExitCode;

use clap::Parser;
use postgres_store::{MIGRATOR, Store, StoreError};
use settings::{Reader, describe};
use worker_process::DATABASE_URL;

const EXIT_CODES: &str = "Exit codes: 0 the schema is up to date; 1 failed, or (with --dry-run) there are migrations to run; \
                          2 wrong usage or settings";

/// Brings the database schema up to date.
#[derive(Debug, Parser)]
#[command(version, after_help = format!("{EXIT_CODES}\n\n{}", describe(&[DATABASE_URL.help()])))]
struct Arguments {
    /// Only report whether there are migrations to run. Exit code 1: there are.
    #[arg(long)]
    dry_run: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let url = match Reader::from_environment().read(DATABASE_URL) {
        Ok(url) => url,
        Err(error) => {
            eprintln!("migrate: {error}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        // Opened inside the runtime: the store's pool needs it for its background task.
        runtime.block_on(async {
            match Store::open(&url, 2) {
                Ok(store) => migrate(&store, arguments.dry_run).await,
                // The database was not asked: the setting is wrong.
                Err(error) => {
                    eprintln!("migrate: {}: {error}", DATABASE_URL.name);
                    Ok(ExitCode::from(2))
                }
            }
        })
    });
    ended.unwrap_or_else(|error| {
        eprintln!("migrate: {error:#}");
        ExitCode::FAILURE
    })
}

async fn migrate(store: &Store, dry_run: bool) -> anyhow::Result<ExitCode> {
    match store.check_schema().await {
        Ok(()) => {
            println!(
                "schema is up to date ({} migrations)",
                MIGRATOR.iter().filter(|m| m.migration_type.is_up_migration()).count()
            );
            Ok(ExitCode::SUCCESS)
        }
        Err(StoreError::SchemaOlder { applied, needed }) if dry_run => {
            println!("schema is at version {applied}, this build brings it to {needed}");
            Ok(ExitCode::FAILURE)
        }
        Err(StoreError::SchemaOlder { applied, needed }) => {
            store.migrate().await?;
            println!("schema brought from version {applied} to {needed}");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error.into()),
    }
}
