//! Which records belong to one person: the open reviews, and an operator's decisions. The database decides what is allowed;
//! this module must not know how records are linked.

use postgres_store::{LinkCommand, LinkReport, OpenReview, Store, Write};

use crate::OperationError;

/// Links that something speaks for and nothing proves, oldest first, at most `limit`.
pub async fn list(store: &Store, limit: u32) -> Result<Vec<OpenReview>, OperationError> {
    Ok(store.open_link_reviews(limit).await?)
}

/// Carries a decision out. Without `proof`, the report says what would be done.
///
/// # Errors
/// [`OperationError::Link`] when the record or the person is missing, or there is nothing to change.
pub async fn decide(
    store: &Store,
    command: &LinkCommand,
    proof: Option<&Write>,
) -> Result<LinkReport, OperationError> {
    Ok(store.decide_link(command, proof).await?)
}
