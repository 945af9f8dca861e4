//! Checks that the database answers, how the connection to it is protected, and that it has the schema that this release needs.

use postgres_store::{Store, StoreError};

use super::finding::Findings;

/// Returns whether the database answers.
pub(crate) async fn check(store: &Store, findings: &mut Findings) -> bool {
    let schema = store.check_schema().await;
    if matches!(schema, Ok(()) | Err(StoreError::SchemaOlder { .. })) {
        findings.ok("tls", "database", store.tls());
    }
    match schema {
        Ok(()) => findings.ok("schema", "database", "it has every migration of this release"),
        Err(StoreError::SchemaOlder { applied, needed }) => findings.fault(
            "schema",
            "database",
            format!("it is at version {applied}, and this release needs {needed}"),
            "run the job migrate of this release",
        ),
        Err(error) => {
            let fix = "check host, port, user, password and name in DATABASE_URL, that the NetworkPolicy lets the \
                       pod reach it, and that the server has connections left";
            findings.fault("database", "DATABASE_URL", error.to_string(), fix);
            return false;
        }
    }
    true
}
