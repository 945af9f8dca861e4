//! The faults that a test can set.

use std::time::Duration;

/// A fault of the whole provider. It lasts until a test sets another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// No fault.
    #[default]
    None,
    /// Every request is answered with 503. For a closed port see
    /// [`super::StripeSimulator::refuse_connections`].
    Down,
    /// Every answer comes this much later. Its body is made when the request arrives.
    Slow(Duration),
    /// Answers show a case as it was one change ago, like a lagging replica: a new one is missing, a deleted one
    /// is still there.
    Stale,
    /// A success with a web page instead of JSON.
    WrongJson,
    /// Cases have only their ID and their status.
    Partial,
    /// Every request is answered with 429. Persona says how long that lasts, Stripe does not.
    RateLimited {
        /// Seconds.
        reset_secs: u64,
    },
}
