//! Table `audit_result`: the results of audits, one row for each source and run.

use crate::{Store, StoreError};

/// The result of an audit of one source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AuditResult {
    /// Records drawn at random.
    pub sampled: u32,
    /// How many of them diverged.
    pub sampled_divergent: u32,
    /// Bounds of the 95 % confidence interval of the share of divergent records, from 0 to 1.
    pub share: (f64, f64),
    /// Records that changed recently.
    pub recent: u32,
    /// How many of them diverged.
    pub recent_divergent: u32,
    /// Records for which the audit could not decide.
    pub undecided: u32,
}

impl Store {
    /// Stores the result of an audit.
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
