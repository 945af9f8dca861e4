//! What can be made to go wrong, on command.

use std::time::Duration;

/// A fault of the whole org, in force until another one is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// None.
    #[default]
    None,
    /// Every request, for a token too, is answered with 503. For a closed port see
    /// [`super::SalesforceSimulator::refuse_connections`].
    Down,
    /// Every request of the API is answered with this 5xx.
    ServerError(u16),
    /// Every request of the API is answered this much later. The body is as of the request's arrival.
    Slow(Duration),
    /// A contact is read as it was one change ago, as a replica that lags would: a new one is missing, a deleted one is
    /// still there. Writes meet the truth.
    Stale,
    /// A success with a web page in place of JSON. Nothing is written.
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
