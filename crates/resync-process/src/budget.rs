//! Requests that the pods of a job may send together: per second, and per day. A pod leases a quarter of a second's requests at
//! a time: a stretch of time that no other pod has, with a moment for each request. So in any second at most a quarter more is
//! sent than may be, and over a longer time no more than may be.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use postgres_store::{RequestLease, RequestLimits, Store, StoreError};
use provider_http::{Admission, NotAdmitted};
use tokio::sync::Mutex;
use tokio::time::Instant;

const LEASES_PER_SECOND: u32 = 4;
/// What a killed pod takes with it of the day's requests.
const LARGEST_LEASE: u32 = 100;
/// How long what is left waits that another run must read: other pods of this one are about to stop, too.
pub(crate) const PUT_OFF: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) struct Budget {
    store: Store,
    limits: RequestLimits,
    source: OnceLock<String>,
    leased: Mutex<Leased>,
    used_up: AtomicBool,
    requests: AtomicU64,
}

impl Budget {
    pub(crate) fn new(store: Store, limits: RequestLimits) -> Self {
        let (source, leased, used_up) = (OnceLock::new(), Mutex::default(), AtomicBool::new(false));
        Self { store, limits, source, leased, used_up, requests: AtomicU64::new(0) }
    }

    /// Call it before the first request.
    pub(crate) fn is_for(&self, source: &str) {
        let _ = self.source.set(source.to_owned());
    }

    pub(crate) fn admission(budget: &Arc<Self>) -> Admission {
        let budget = Arc::clone(budget);
        Admission::new(move || {
            let budget = Arc::clone(&budget);
            async move { budget.admit().await }
        })
    }

    pub(crate) const fn is_unlimited(&self) -> bool {
        self.limits.per_second == 0 && self.limits.per_day == 0
    }

    pub(crate) const fn per_day(&self) -> u64 {
        self.limits.per_day
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) async fn has_some_left(&self) -> Result<bool, StoreError> {
        if self.limits.per_day == 0 {
            return Ok(true);
        }
        // So that a job need not take messages to find out.
        let mut leased = self.leased.lock().await;
        let lease = self.lease(&leased).await?;
        *leased = Leased::new(lease, self.limits);
        Ok(lease.requests > 0)
    }

    pub(crate) async fn return_unused(&self) -> Result<(), StoreError> {
        let unused = self.leased.lock().await.take_rest();
        let Some(source) = self.source.get().filter(|_| unused > 0) else { return Ok(()) };
        self.store.lease_requests(source, self.limits, 0, unused).await?;
        Ok(())
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.used_up.load(Ordering::Relaxed)
    }

    async fn admit(&self) -> Result<(), NotAdmitted> {
        if !self.is_unlimited() {
            tokio::time::sleep_until(self.next_moment().await?).await;
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn next_moment(&self) -> Result<Instant, NotAdmitted> {
        // The lock is kept while the database answers: other requests would ask it for the same.
        let mut leased = self.leased.lock().await;
        loop {
            if let Some(moment) = leased.take(Instant::now()) {
                return Ok(moment);
            }
            match self.lease(&leased).await {
                Ok(lease) if lease.requests == 0 => {
                    self.used_up.store(true, Ordering::Relaxed);
                    return Err(NotAdmitted { retry_after: PUT_OFF });
                }
                Ok(lease) => *leased = Leased::new(lease, self.limits),
                Err(error) => {
                    tracing::warn!(%error, "the request budget does not answer: nothing is sent");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn lease(&self, leased: &Leased) -> Result<RequestLease, StoreError> {
        let wanted = match self.limits.per_second {
            0 => LARGEST_LEASE,
            per_second => (per_second / LEASES_PER_SECOND).clamp(1, LARGEST_LEASE),
        };
        let source = self.source.get().map_or("", String::as_str);
        self.store.lease_requests(source, self.limits, wanted, leased.missed).await
    }
}

struct Leased {
    next_moment: Instant,
    left: u32,
    /// Between two moments. Zero: all at once.
    spacing: Duration,
    /// How late a moment may be taken.
    grace: Duration,
    /// Requests whose moment was missed.
    missed: u32,
}

impl Default for Leased {
    fn default() -> Self {
        let (spacing, grace) = (Duration::ZERO, Duration::ZERO);
        Self { next_moment: Instant::now(), left: 0, spacing, grace, missed: 0 }
    }
}

impl Leased {
    fn new(lease: RequestLease, limits: RequestLimits) -> Self {
        let spacing = match limits.per_second {
            0 => Duration::ZERO,
            per_second => Duration::from_secs(1) / per_second,
        };
        let next_moment = Instant::now() + lease.begins_in;
        Self { next_moment, left: lease.requests, spacing, grace: spacing * lease.requests, missed: 0 }
    }

    fn take_rest(&mut self) -> u32 {
        std::mem::take(&mut self.left) + std::mem::take(&mut self.missed)
    }

    fn take(&mut self, now: Instant) -> Option<Instant> {
        while self.left > 0 {
            let moment = self.next_moment;
            self.left -= 1;
            self.next_moment += self.spacing;
            if self.spacing.is_zero() || moment + self.grace >= now {
                return Some(moment);
            }
            // A moment that was missed by more than the lease's own length is not made up for: its request returns to the day's
            // budget.
            self.missed += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use local_stack::{TestDatabase, wait_until};

    use super::*;

    fn leased(requests: u32, begins_in: u64, per_second: u32) -> Leased {
        let begins_in = Duration::from_millis(begins_in);
        Leased::new(RequestLease { requests, begins_in }, RequestLimits { per_second, per_day: 0 })
    }

    #[tokio::test(start_paused = true)]
    async fn each_request_of_a_lease_has_its_moment() {
        let start = Instant::now();
        let mut leased = leased(2, 500, 10);
        let millis = |moment: Option<Instant>| moment.map(|moment| (moment - start).as_millis());
        let moments = [leased.take(start), leased.take(start), leased.take(start)].map(millis);
        assert_eq!(moments, [Some(500), Some(600), None]);
        assert_eq!(leased.missed, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn missed_moments_are_not_made_up_for_and_their_requests_return() {
        let start = Instant::now();
        let mut leased = leased(4, 0, 10);
        assert!(leased.take(start).is_some());
        // The grace is the lease's length, 400 ms: of the moments at 100, 200 and 300 ms the first is over.
        assert_eq!(leased.take(start + Duration::from_millis(550)), Some(start + Duration::from_millis(200)));
        assert_eq!(leased.missed, 1);
        assert_eq!(leased.take(start + Duration::from_secs(9)), None);
        assert_eq!(leased.missed, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_of_the_day_alone_has_no_moments_to_miss() {
        let mut leased = leased(2, 0, 0);
        assert!(leased.take(Instant::now() + Duration::from_secs(60)).is_some());
        assert_eq!((leased.left, leased.missed), (1, 0));
    }

    #[tokio::test]
    async fn missed_requests_return_to_the_day_with_the_next_lease() {
        let database = TestDatabase::migrated().await.unwrap();
        let store = Store::open(&database.url().to_owned().into(), 2).unwrap();
        let limits = RequestLimits { per_second: 40, per_day: 1000 };
        let budget = Budget::new(store.clone(), limits);
        budget.is_for("auth0");
        budget.admit().await.unwrap();
        let admitted_at = Instant::now();
        // A lease of ten takes 250 ms, and each moment may be taken as much later.
        let over = async || Ok((admitted_at.elapsed() > Duration::from_millis(600)).then_some(()));
        wait_until(Duration::from_secs(30), "the lease to be over", over).await.unwrap();
        budget.admit().await.unwrap();
        let left = store.lease_requests("auth0", limits, 1000, 0).await.unwrap().requests;
        assert_eq!(left, 1000 - 1 - 10, "the one that was sent, and the current lease");
    }
}
