//! The schema that this binary needs. Migrations are expand/contract and run as their own step (`jobs/migrate`). A binary runs
//! on a newer schema and refuses an older one.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgPoolOptions;

use crate::{Store, StoreError};

/// The migrations in `migrations/` when this binary was built.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

impl Store {
    /// Refuses a database that lacks a migration of this binary.
    ///
    /// # Errors
    /// [`StoreError::SchemaOlder`], or [`StoreError::Unavailable`].
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        let needed = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
        let applied = self.applied_schema().await?;
        if applied < needed { Err(StoreError::SchemaOlder { applied, needed }) } else { Ok(()) }
    }

    /// Brings the schema up to this binary's, and leaves a newer one as it is. Only `jobs/migrate` and tests call it.
    ///
    /// # Errors
    /// The failed migration, as sqlx's own error.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        // Its own connection: a migration may take longer than the statement limit, and a failed one keeps its lock until the
        // connection ends.
        let patient = (*self.pool.connect_options()).clone().options([("statement_timeout", "0")]);
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(patient);
        let mut migrator = Migrator::with_migrations(MIGRATOR.iter().cloned().collect());
        let migrated = migrator.set_ignore_missing(true).run(&pool).await;
        pool.close().await;
        migrated
    }

    async fn applied_schema(&self) -> Result<i64, StoreError> {
        let table = sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations')::text as "table""#)
            .fetch_one(&self.pool)
            .await?;
        if table.is_none() {
            return Ok(0);
        }
        let newest =
            sqlx::query_scalar!(r#"select max(version) as "version" from _sqlx_migrations where success"#)
                .fetch_one(&self.pool)
                .await?;
        Ok(newest.unwrap_or(0))
    }
}
