//! The faults that a test can set.

use std::time::Duration;

/// A fault of the whole tenant. It lasts until a test sets another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// No fault.
    #[default]
    None,
    /// Every request, for a token too, is answered with 503. For a closed port see
    /// [`super::Auth0Simulator::refuse_connections`].
    Down,
    /// Every request of the API is answered with this 5xx.
    ServerError(u16),
    /// Every answer of the API comes this much later. Its body is made when the request arrives.
    Slow(Duration),
    /// Answers show a user as it was one change ago, like a lagging replica: a new one is missing, a deleted
    /// one is still there.
    Stale,
    /// A success with a web page instead of JSON.
    WrongJson,
    /// Every request of the API is answered with 429 and this `Retry-After`, in seconds.
    RateLimited {
        /// Seconds.
        retry_after_secs: u64,
    },
    /// Every token is refused, also a new one.
    TokenRefused,
    /// Users have only the fields that Auth0 always gives.
    Partial,
}
