//! Limits of requests that the provider's replies do not state: so many a second, so many a day. In: each request, before it is sent. Out:
//! a wait, or a refusal. Each client counts for itself, so the limits hold for each pod.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::error::ProviderError;
use crate::rate_limit::believable;

const DAY: Duration = Duration::from_secs(24 * 3600);
const HOURS: u32 = 24;

/// Most requests of one client. `None`: any number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// In a second. A request waits for its turn.
    pub per_second: Option<NonZeroU32>,
    /// In a day, spread over it: an hour's share may be used at once. Then a request is refused with a pause.
    pub per_day: Option<NonZeroU32>,
}

pub(crate) struct Pacer {
    second: Option<DefaultDirectRateLimiter>,
    day: Option<DefaultDirectRateLimiter>,
    clock: DefaultClock,
}

impl Pacer {
    pub(crate) fn new(pace: Pace) -> Self {
        let of_day = |number: NonZeroU32| {
            // A period of nanoseconds is never zero for a number of 32 bits.
            let quota = Quota::with_period(DAY / number.get())?;
            Some(RateLimiter::direct(
                quota.allow_burst(NonZeroU32::new(number.get() / HOURS).unwrap_or(NonZeroU32::MIN)),
            ))
        };
        Self {
            second: pace.per_second.map(|number| RateLimiter::direct(Quota::per_second(number))),
            day: pace.per_day.and_then(of_day),
            clock: DefaultClock::default(),
        }
    }

    /// Waits for the request's turn in its second.
    ///
    /// # Errors
    /// [`ProviderError::RateLimited`] when the day's share is used up.
    pub(crate) async fn turn(&self) -> Result<(), ProviderError> {
        if let Some(Err(until)) = self.day.as_ref().map(RateLimiter::check) {
            let retry_after = believable(until.wait_time_from(self.clock.now()));
            return Err(ProviderError::RateLimited { retry_after });
        }
        while let Some(Err(until)) = self.second.as_ref().map(RateLimiter::check) {
            tokio::time::sleep(until.wait_time_from(self.clock.now())).await;
        }
        Ok(())
    }
}
