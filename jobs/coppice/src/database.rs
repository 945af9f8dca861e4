//! What a command needs: the database, the policy, a file.

use std::path::Path;

use authority::{Policy, PolicyError};
use job_process::{Database, JobError};
use postgres_store::Store;
use settings::Reader;

/// One for the command, one in reserve.
pub(crate) const CONNECTIONS: u32 = 2;

/// The settings of the database, and the policy that the workers have too.
pub(crate) fn database() -> Result<Database, JobError> {
    Ok(Reader::from_environment().load()?)
}

/// The database.
pub(crate) async fn store() -> Result<Store, JobError> {
    database()?.open(CONNECTIONS).await
}

/// The text of a policy file, read as one.
pub(crate) fn policy_file(path: &Path) -> Result<Result<Policy, PolicyError>, JobError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| JobError::Usage(format!("{}: {}", path.display(), error.kind())))?;
    Ok(Policy::parse(&text))
}
