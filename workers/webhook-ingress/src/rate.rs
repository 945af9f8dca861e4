//! How many requests of one provider are accepted in a second.
//!
//! Not tower's limit: it makes callers wait, each with its request in memory.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// A bucket of one second's requests, which fills evenly.
pub(crate) fn per_second(requests: u32) -> DefaultDirectRateLimiter {
    RateLimiter::direct(quota(requests))
}

fn quota(requests: u32) -> Quota {
    Quota::per_second(NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    #[test]
    fn a_second_admits_so_many_requests_and_no_more() {
        let clock = FakeRelativeClock::default();
        let rate = RateLimiter::direct_with_clock(quota(10), clock.clone());
        let admitted = || (0..100).filter(|_| rate.check().is_ok()).count();
        assert_eq!(admitted(), 10);
        clock.advance(Duration::from_millis(500));
        assert_eq!(admitted(), 5);
        clock.advance(Duration::from_secs(60));
        assert_eq!(admitted(), 10, "a pause does not save up requests");
    }
}
