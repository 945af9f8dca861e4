//! The tenant's rate limit: a number of requests per window, shown in the headers of every reply.
//! <https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy>

use std::time::Duration;

use time::OffsetDateTime;

/// Requests per window of time.
#[derive(Debug)]
pub(crate) struct RateLimit {
    limit: u64,
    window: Duration,
    remaining: u64,
    reset_at: OffsetDateTime,
}

/// The limit, as the reply to one request states it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    pub(crate) admitted: bool,
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Epoch seconds, rounded up.
    pub(crate) reset: i64,
}

impl RateLimit {
    pub(crate) fn new(limit: u64, window: Duration) -> Self {
        Self { limit, window, remaining: limit, reset_at: OffsetDateTime::now_utc() + window }
    }

    pub(crate) fn take(&mut self, now: OffsetDateTime) -> Quota {
        if now >= self.reset_at {
            (self.remaining, self.reset_at) = (self.limit, now + self.window);
        }
        let admitted = self.remaining > 0;
        self.remaining = self.remaining.saturating_sub(1);
        let reset = self.reset_at.unix_timestamp() + i64::from(self.reset_at.nanosecond() > 0);
        Quota { admitted, limit: self.limit, remaining: self.remaining, reset }
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        Self::new(1_000_000, Duration::from_secs(60))
    }
}
