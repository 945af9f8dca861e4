//! What can be made to go wrong, on command.

use std::time::Duration;

/// A fault of the whole tenant, in force until another one is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// None.
    #[default]
    None,
    /// Every request, for a token too, is answered with 503. For a closed port see
    /// [`super::Auth0Simulator::refuse_connections`].
    Down,
    /// Every request of the API is answered with this 5xx.
    ServerError(u16),
    /// Every request of the API is answered this much later. The body is as of the request's arrival.
    Slow(Duration),
    /// A user is answered as it was one change ago, as a replica that lags would: a new one is missing, a deleted
    /// one is still there.
    Stale,
    /// A success with a web page in place of JSON.
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
