//! The schema that this binary needs. Migrations are expand/contract and run as their own step (`jobs/migrate`). A binary runs
//! on a newer schema and refuses an older one.

use sqlx::migrate::{Migrate as _, MigrateError, Migrator};
use sqlx::{Connection as _, PgConnection};

use crate::bounded::SESSION_LIMITS;
use crate::{Store, StoreError};

const SHARED_SESSION: &str = "migrations need a session of their own: name the server in DATABASE_URL, or a pooler in session \
                              mode, without pooling=transaction";

const WITHOUT_LIMITS: &str = "set statement_timeout = 0; set lock_timeout = 0";

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
        let mut connection = self.session_of_its_own().await?;
        connection.lock().await?;
        let migrated = apply_all(&mut connection).await;
        // What ended the migration is the error to report, not what it did to the connection.
        connection.close().await.ok();
        migrated
    }

    /// Its own connection, without limits: a migration may take longer than the statement limit, and a failed one keeps its lock,
    /// which belongs to the session, until the connection ends.
    pub(crate) async fn session_of_its_own(&self) -> Result<PgConnection, sqlx::Error> {
        if self.shares_sessions() {
            return Err(sqlx::Error::Configuration(SHARED_SESSION.into()));
        }
        let mut connection = PgConnection::connect_with(&self.pool.address().options).await?;
        sqlx::raw_sql(SESSION_LIMITS).execute(&mut connection).await?;
        sqlx::raw_sql(WITHOUT_LIMITS).execute(&mut connection).await?;
        Ok(connection)
    }

    pub(crate) async fn applied_schema(&self) -> Result<i64, StoreError> {
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

async fn apply_all(connection: &mut PgConnection) -> Result<(), MigrateError> {
    for migration in MIGRATOR.iter().filter(|migration| migration.migration_type.is_up_migration()) {
        // Statements that need a table wait behind a migration that waits for its lock: it gives up before they fail. One that
        // runs without a transaction builds an index concurrently. Nothing waits for it, and if it gives up, it leaves an
        // invalid index.
        sqlx::raw_sql(SESSION_LIMITS).execute(&mut *connection).await?;
        let unlimited = if migration.no_tx { WITHOUT_LIMITS } else { "set statement_timeout = 0" };
        sqlx::raw_sql(unlimited).execute(&mut *connection).await?;
        // The lock is held already, over all migrations: another process waits for it without a limit.
        let mut migrator = Migrator::with_migrations(vec![migration.clone()]);
        migrator.set_ignore_missing(true).set_locking(false);
        migrator.run_direct(None, connection, false).await?;
    }
    Ok(())
}
