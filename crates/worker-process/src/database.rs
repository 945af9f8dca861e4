//! Whether the database takes writes, as readiness and as a metric.

use std::time::Duration;

use metrics::gauge;
use postgres_store::{Store, StoreError};
use tokio::time::timeout;

/// Longest that a loop waits for one answer of the database. Longer than the store waits for a connection, and shorter than a
/// lease of outbox rows and a visibility timeout.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The answer, or that there was none in time.
pub(crate) async fn in_time<T>(answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    timeout(ANSWER_LIMIT, answer).await.unwrap_or_else(|_| Err(StoreError::no_answer()))
}

/// Checks that the database takes writes, over the connections that are used for work, and that its schema is new enough. Sets
/// the metric `coppice_database_writable`.
///
/// # Errors
/// [`StoreError`], after some seconds at the latest.
pub async fn check_database(store: &Store) -> Result<(), StoreError> {
    let writable = store.check_writable().await;
    gauge!("coppice_database_writable").set(if writable.is_ok() { 1.0 } else { 0.0 });
    writable?;
    in_time(store.check_schema()).await
}
