//! The faults that a test can set.

use std::time::Duration;

/// A fault of the whole org. It lasts until a test sets another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// No fault.
    #[default]
    None,
    /// Every request, for a token too, is answered with 503. For a closed port see
    /// [`super::SalesforceSimulator::refuse_connections`].
    Down,
    /// Every request of the API is answered with this 5xx.
    ServerError(u16),
    /// Every answer of the API comes this much later. Its body is made when the request arrives.
    Slow(Duration),
    /// Reads show a contact as it was one change ago, like a lagging replica: a new one is missing, a deleted one is
    /// still there. Writes use the current state.
    Stale,
    /// A success with a web page instead of JSON. Nothing is written.
    WrongJson,
    /// Contacts are read with their ID alone, as by a user who may see no other field.
    Partial,
    /// Every request of the API is answered with 403 `REQUEST_LIMIT_EXCEEDED`: the day's calls are used up.
    LimitExceeded,
    /// Every token is refused, also a new one.
    TokenRefused,
    /// Every write of a record fails with `UNABLE_TO_LOCK_ROW`; reads work.
    RowLocked,
    /// A write is carried out, and then the connection is closed without a reply; reads work.
    LostReplies,
}
