//! The faults that a test can set.

use std::time::Duration;

/// A fault of the whole tenant. It lasts until a test sets another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// No fault.
    #[default]
    None,
    /// Every request is answered with 503. For a closed port see [`super::EntraSimulator::refuse_connections`].
    Down,
    /// Every answer comes this much later. Its body is made when the request arrives.
    Slow(Duration),
    /// Answers show a user as it was one change ago, like a lagging replica: a new one is missing, a deleted one is still there.
    Stale,
    /// A success with a web page instead of JSON.
    WrongJson,
    /// An answer about one user has the default fields, whatever was selected.
    Partial,
}

/// How the delta query refuses a token that it no longer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenEnd {
    /// 410, with the address of a new beginning.
    Gone,
    /// 400 with this code.
    Code(&'static str),
}
