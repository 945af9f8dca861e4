//! What can be made to go wrong, on command.

use std::time::Duration;

/// A fault of the whole organization, in force until another one is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// None.
    #[default]
    None,
    /// Every request is answered with 503. For a closed port see [`super::OktaSimulator::refuse_connections`].
    Down,
    /// Every request is answered this much later. The body is as of the request's arrival.
    Slow(Duration),
    /// A user is answered as it was one change ago, as a replica that lags would: a new one is missing, a deleted one
    /// is still there.
    Stale,
    /// A success with a web page in place of JSON.
    WrongJson,
    /// Users have only the fields that no organization can take away.
    Partial,
}
