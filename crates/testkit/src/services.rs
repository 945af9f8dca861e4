//! The services that all tests of a run share: one PostgreSQL server with a migrated template, and the units' binaries. Without
//! the variables of [`Services::environment`], every test starts its own server and builds the units itself, which is slow.
//! Must not know: any test.

use std::path::PathBuf;

use anyhow::Context as _;
use local_stack::{Postgres, SHARED_SERVER, Tools, create_template};

use crate::binaries::build_units;

pub use crate::binaries::BUILT_UNITS;

/// Running services. Dropping them ends them.
pub struct Services {
    postgres: Postgres,
    units: PathBuf,
}

impl Services {
    /// Starts the server, makes the template, and builds every unit.
    ///
    /// # Errors
    /// When the server does not start, a migration fails, or a unit does not build; says which.
    pub async fn start(tools: &Tools) -> anyhow::Result<Self> {
        let postgres = Postgres::start(tools).await?;
        create_template(&postgres).await?;
        let built = tokio::task::spawn_blocking(|| build_units(fleet::names(), false)).await??;
        let first =
            built.values().next().and_then(|path| path.parent()).context("a binary without a folder")?;
        Ok(Self { postgres, units: first.to_owned() })
    }

    /// The variables of every test's environment.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [(SHARED_SERVER, self.postgres.url("postgres")), (BUILT_UNITS, self.units.display().to_string())]
    }
}
