//! A database for one test, empty or with the whole schema. In: the server that the test run shares, if its URL is in
//! [`SHARED_SERVER`]; otherwise the server's programs. Must not know: any table.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::postgres::{NAME, Postgres};
use crate::tools::Tools;

/// Environment variable with the URL of the maintenance database of the server that all tests of a run share.
pub const SHARED_SERVER: &str = "COPPICE_TEST_POSTGRES";

/// The migrated database that [`TestDatabase::migrated`] clones.
pub const TEMPLATE: &str = "coppice_template";

/// The database of a test with a server of its own.
const OWN: &str = "orchard";

/// A database for one test. Dropping it removes it, or its whole server.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// On the shared server: the maintenance database's URL, and this database's name.
    Shared {
        server: String,
        name: String,
    },
    Own(Postgres),
}

impl TestDatabase {
    /// A database without tables.
    ///
    /// # Errors
    /// When no server can be reached or started. The error says why.
    pub async fn empty() -> anyhow::Result<Self> {
        match shared_server() {
            Some(server) => Self::on_shared(server, "template1").await,
            None => Self::on_own(&tools()?).await,
        }
    }

    /// A database with the whole schema.
    ///
    /// # Errors
    /// When no server can be reached or started, or a migration fails. The error says why.
    pub async fn migrated() -> anyhow::Result<Self> {
        match shared_server() {
            // A clone of a template that was migrated once. A separate server must start and run every migration.
            Some(server) => Self::on_shared(server, TEMPLATE).await,
            None => Self::on_its_own_server(&tools()?).await,
        }
    }

    /// A database with the whole schema on a server that the test may stop, start or break.
    ///
    /// # Errors
    /// When the server cannot be started, or a migration fails. The error says why.
    pub async fn on_its_own_server(tools: &Tools) -> anyhow::Result<Self> {
        let database = Self::on_own(tools).await?;
        migrate(&database.url).await?;
        Ok(database)
    }

    /// URL of the database, with its password. The password is public.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// URL of the database for a unit, which signs in with its own SQL role. `migrate` is the owner of the schema.
    ///
    /// # Panics
    /// When the table of units has no such unit.
    pub fn url_of(&self, unit: &str) -> String {
        let unit = fleet::unit(unit).unwrap_or_else(|| panic!("no unit {unit}"));
        if fleet::with_sql_role().all(|with_role| with_role != unit) {
            return self.url.clone();
        }
        let owner = format!("//{NAME}:");
        self.url.replacen(&owner, &format!("//{}:", unit.sql_role(fleet::ROLE_PREFIX)), 1)
    }

    /// The database's server, to stop it and to start it again.
    ///
    /// # Panics
    /// When the server is shared with other tests: make the database with [`TestDatabase::on_its_own_server`].
    pub fn server(&mut self) -> &mut Postgres {
        match &mut self.place {
            Place::Own(server) => server,
            Place::Shared { .. } => {
                panic!("this server is shared by all tests: use TestDatabase::on_its_own_server")
            }
        }
    }

    /// Stops the server as a crash would, and promotes its standby, whose port the URL has from now on.
    ///
    /// # Errors
    /// When the standby is not promoted.
    ///
    /// # Panics
    /// When the server is shared with other tests.
    pub async fn fail_over_to(&mut self, standby: Postgres) -> anyhow::Result<()> {
        self.server().stop_immediately();
        standby.promote().await?;
        self.url = standby.url(OWN);
        self.place = Place::Own(standby);
        Ok(())
    }

    async fn on_own(tools: &Tools) -> anyhow::Result<Self> {
        let server = Postgres::start(tools).await?;
        let url = server.create_database(OWN).await?;
        create_roles(&url).await?;
        Ok(Self { url, place: Place::Own(server) })
    }

    async fn on_shared(server: String, template: &str) -> anyhow::Result<Self> {
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        execute(&server, &format!(r#"create database "{name}" template "{template}""#))
            .await
            .with_context(|| format!("cannot create a database on the server in {SHARED_SERVER}"))?;
        let url = beside(&server, &name);
        Ok(Self { url, place: Place::Shared { server, name } })
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Place::Shared { server, name } = &self.place else { return };
        let (server, statement) =
            (server.clone(), format!(r#"drop database if exists "{name}" with (force)"#));
        // A separate thread, because a runtime must not be started inside another, and the test's runtime may have ended.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(execute(&server, &statement)))
        });
        // A failure is harmless: the shared server ends with the run.
        let _ = dropping.join();
    }
}

/// Makes the template that [`TestDatabase::migrated`] clones.
///
/// # Errors
/// When a migration fails.
pub async fn create_template(server: &Postgres) -> anyhow::Result<()> {
    let url = server.create_database(TEMPLATE).await?;
    create_roles(&url).await?;
    migrate(&url).await
}

/// Makes the SQL roles of the units, which belong to the server.
async fn create_roles(url: &str) -> anyhow::Result<()> {
    let roles = fleet::with_sql_role().map(|unit| unit.sql_role(fleet::ROLE_PREFIX));
    let create = roles.map(|role| format!("create role {role} login password '{NAME}'"));
    execute(url, &create.collect::<Vec<_>>().join(";")).await.context("the SQL roles")
}

async fn migrate(url: &str) -> anyhow::Result<()> {
    // Without the store, because `cargo xtask` must compile before any query is described.
    let mut connection = PgConnection::connect(url).await?;
    Migrator::new(migrations()).await?.run(&mut connection).await.context("a migration fails")?;
    let grants = std::fs::read_to_string(migrations().join("grants.sql"))?;
    sqlx::raw_sql(AssertSqlSafe(grants)).execute(&mut connection).await.context("grants.sql")?;
    connection.close().await?;
    Ok(())
}

/// The folder of migrations.
pub fn migrations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations")
}

fn tools() -> anyhow::Result<Tools> {
    Tools::locate_or_install(|line| eprintln!("{line}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the run's own services are named by its environment, not by settings"
)]
fn shared_server() -> Option<String> {
    std::env::var(SHARED_SERVER).ok().filter(|url| !url.is_empty())
}

async fn execute(url: &str, statement: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

fn beside(server: &str, name: &str) -> String {
    let base = server.rsplit_once('/').map_or(server, |(base, _)| base);
    format!("{base}/{name}")
}
