//! Brings the database schema up to this build's, grants each unit's SQL role what its unit needs, and ends.
//!
//! In: `DATABASE_URL` of the schema's owner, and how the names of the SQL roles begin. Out: the schema, the rights, and a line
//! for each. Safe to run twice and in two places at once: sqlx takes an advisory lock. Workers refuse to start before it has run.
//!
//! Exit codes, as every job has them: 0 the schema is up to date; 1 a migration or a grant failed, or (with `--dry-run`) there
//! are migrations to run; 2 wrong usage or settings.

use std::process::ExitCode;

use clap::Parser;
use postgres_store::{MIGRATOR, SqlRoles, Store, StoreError};
use secrecy::SecretString;
use settings::{Reader, Settings as _, describe};
use worker_process::DATABASE_URL;

settings::declare! {
    /// The settings.
    struct MigrateSettings;

    database_url: SecretString = use DATABASE_URL;
    SQL_ROLES: Option<SqlRoles> = "COPPICE_SQL_ROLES" [default "", optional parse str::parse]
        "how the names of the SQL roles begin, if each unit has its own: coppice_ for coppice_sso_sync; each gets what its unit needs"
        => sql_roles;
}

const EXIT_CODES: &str = "Exit codes: 0 the schema is up to date; 1 failed, or (with --dry-run) there are migrations to run; \
                          2 wrong usage or settings";

/// Brings the database schema up to date.
#[derive(Debug, Parser)]
#[command(version, after_help = format!("{EXIT_CODES}\n\n{}", describe(MigrateSettings::ALL)))]
struct Arguments {
    /// Only report whether there are migrations to run. Exit code 1: there are.
    #[arg(long)]
    dry_run: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let settings: MigrateSettings = match Reader::from_environment().load() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("migrate: {error}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        // Opened inside the runtime: the store's pool needs it for its background task.
        runtime.block_on(async {
            match Store::open(&settings.database_url, 2) {
                Ok(store) => migrate(&store, &settings, arguments.dry_run).await,
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

async fn migrate(store: &Store, settings: &MigrateSettings, dry_run: bool) -> anyhow::Result<ExitCode> {
    match store.check_schema().await {
        Ok(()) => {
            println!(
                "schema is up to date ({} migrations)",
                MIGRATOR.iter().filter(|m| m.migration_type.is_up_migration()).count()
            );
        }
        Err(StoreError::SchemaOlder { applied, needed }) if dry_run => {
            println!("schema is at version {applied}, this build brings it to {needed}");
            return Ok(ExitCode::FAILURE);
        }
        Err(StoreError::SchemaOlder { applied, needed }) => {
            store.migrate().await?;
            println!("schema brought from version {applied} to {needed}");
        }
        Err(error) => return Err(error.into()),
    }
    if let Some(roles) = settings.sql_roles.as_ref().filter(|_| !dry_run) {
        match store.grant(roles).await? {
            Some(count) => println!("{count} SQL roles, {roles}…, have the rights that their units need"),
            None => println!("a newer release has brought the schema further: it has granted the rights too"),
        }
    }
    Ok(ExitCode::SUCCESS)
}
