//! Table `audit_result`: what audits found, one row for each source and run.

use crate::{Store, StoreError};

/// What an audit found of one source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AuditResult {
    /// Records drawn at random.
    pub sampled: u32,
    /// How many of them diverged.
    pub sampled_divergent: u32,
    /// Ends of the 95 % interval of the share of divergent records, from 0 to 1.
    pub share: (f64, f64),
    /// Records that changed lately.
    pub recent: u32,
    /// How many of them diverged.
    pub recent_divergent: u32,
    /// Records of which it could not be told.
    pub undecided: u32,
}

impl Store {
    /// Keeps what an audit found of a source.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn record_audit(&self, source: &str, result: AuditResult) -> Result<(), StoreError> {
        let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        sqlx::query!(
            r#"insert into audit_result
                   (source, sampled, sampled_divergent, share_low, share_high, recent, recent_divergent, undecided)
               values ($1, $2, $3, $4, $5, $6, $7, $8)"#,
            source,
            count(result.sampled),
            count(result.sampled_divergent),
            result.share.0,
            result.share.1,
            count(result.recent),
            count(result.recent_divergent),
            count(result.undecided)
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
