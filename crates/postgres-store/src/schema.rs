//! Which schema the database has, and which this binary needs.
//!
//! Migrations are expand/contract and run as their own step (`jobs/migrate`): a binary runs on a newer schema and
//! refuses an older one.

use sqlx::migrate::Migrator;

use crate::{Store, StoreError};

/// The migrations in `migrations/`, as they stood when this binary was built.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

impl Store {
    /// Refuses a database that lacks a migration which this binary was built with.
    ///
    /// # Errors
    /// [`StoreError::SchemaOlder`], or [`StoreError::Unavailable`].
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        let needed = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
        let applied = self.applied_schema().await?;
        if applied < needed { Err(StoreError::SchemaOlder { applied, needed }) } else { Ok(()) }
    }

    /// Brings the schema up to this binary's. Only `jobs/migrate` and tests call it.
    ///
    /// # Errors
    /// The migration that failed, by sqlx's own error.
    pub async fn migrate(&self) -> Result<(), sqlx::migrate::MigrateError> {
        MIGRATOR.run(&self.pool).await
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
