//! What can be made to go wrong, on command.

use std::time::Duration;

/// A fault of the whole provider, in force until another one is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// None.
    #[default]
    None,
    /// Every request is answered with 503. For a closed port see
    /// [`super::StripeSimulator::refuse_connections`].
    Down,
    /// Every request is answered this much later. The body is as of the request's arrival.
    Slow(Duration),
    /// A case is answered as it was one change ago, as a replica that lags would: a new one is missing, a deleted one
    /// is still there.
    Stale,
    /// A success with a web page in place of JSON.
    WrongJson,
    /// Cases have only their ID and their status.
    Partial,
    /// Every request is answered with 429. Persona says how long that lasts, Stripe does not.
    RateLimited {
        /// Seconds.
        reset_secs: u64,
    },
}
