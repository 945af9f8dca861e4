//! What each unit may do in the database, for deployments that give each unit an SQL role of its own. In: `migrations/grants.sql`,
//! and how the names of the roles begin. Out: rights in the database. Must not know which unit needs what: the file says it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use sqlx::migrate::Migrate as _;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::schema::MIGRATOR;
use crate::{Store, StoreError};

const GRANTS: &str = include_str!("../../../migrations/grants.sql");

/// How the roles in the file begin.
const IN_THE_FILE: &str = "coppice_";

/// How the names of a deployment's SQL roles begin: deployments that share a server need different roles, which belong to the
/// whole server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlRoles(String);

/// A text that cannot begin the name of a role.
#[derive(Debug, thiserror::Error)]
#[error("a role's name begins with a to z or _, followed by a to z, 0 to 9 and _")]
pub struct NotARoleName;

/// Why no rights were granted.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// Roles are missing.
    #[error(
        "these SQL roles do not exist: {}. Create them (docs/how-to/install.md), or unset COPPICE_SQL_ROLES",
        .0.join(", ")
    )]
    NoSuchRoles(Vec<String>),
    /// The database's own error. It names tables and roles only: no row is touched.
    #[error("the rights of the SQL roles cannot be granted")]
    Database(#[from] sqlx::Error),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FromStr for SqlRoles {
    type Err = NotARoleName;

    fn from_str(text: &str) -> Result<Self, NotARoleName> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if begins && text.chars().all(plain) { Ok(Self(text.to_owned())) } else { Err(NotARoleName) }
    }
}

impl fmt::Display for SqlRoles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SqlRoles {
    fn grants(&self) -> String {
        GRANTS.replace(IN_THE_FILE, &self.0)
    }

    /// The names of the roles.
    pub fn names(&self) -> BTreeSet<String> {
        let words = GRANTS.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let units = words.filter_map(|word| word.strip_prefix(IN_THE_FILE)).filter(|unit| !unit.is_empty());
        units.map(|unit| format!("{}{unit}", self.0)).collect()
    }
}

impl Store {
    /// Grants the deployment's SQL roles what their units need, and returns how many roles there are. `None`: it granted nothing,
    /// because the schema is newer; the newer release has granted what its units and this one's need. Only `jobs/migrate` and
    /// tests call it.
    ///
    /// # Errors
    /// [`GrantError::NoSuchRoles`] before anything is granted; the database's own error, and then nothing is granted either.
    pub async fn grant(&self, roles: &SqlRoles) -> Result<Option<usize>, GrantError> {
        let names: Vec<String> = roles.names().into_iter().collect();
        let missing = sqlx::query_scalar!(
            r#"select role as "role!" from unnest($1::text[]) role
               where not exists (select from pg_roles where rolname = role) order by role"#,
            &names
        );
        let missing = missing.fetch_all(&self.pool).await.map_err(StoreError::from)?;
        if !missing.is_empty() {
            return Err(GrantError::NoSuchRoles(missing));
        }
        let needed = MIGRATOR.iter().map(|migration| migration.version).max();
        if Some(self.applied_schema().await?) > needed {
            return Ok(None);
        }
        let mut connection = self.session_of_its_own().await?;
        // Two at once would change the rights of one table at once, which Postgres refuses.
        connection.lock().await.map_err(|error| sqlx::Error::Configuration(error.into()))?;
        // Several statements in one message are one transaction.
        let granted = sqlx::raw_sql(AssertSqlSafe(roles.grants())).execute(&mut connection).await;
        connection.close().await.ok();
        granted?;
        Ok(Some(names.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roles_of_another_deployment_have_other_names() {
        let roles: SqlRoles = "orchard_".parse().unwrap();
        assert!(roles.names().contains("orchard_sso_sync") && !roles.names().contains("orchard_"));
        assert!(!roles.grants().contains(" coppice_"), "{}", roles.grants());
    }

    #[test]
    fn a_prefix_cannot_carry_other_sql() {
        for text in ["", "9_", "Orchard_", "a; drop table person; --", "a b", "ä_"] {
            assert!(text.parse::<SqlRoles>().is_err(), "{text}");
        }
    }
}
