//! The faults that a test can set.

use std::time::Duration;

/// A fault of the whole account. It lasts until a test sets another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// No fault.
    #[default]
    None,
    /// Every request is answered with 503 and a web page. For a closed port see
    /// [`super::HubSpotSimulator::refuse_connections`].
    Down,
    /// Every request is answered with this 5xx.
    ServerError(u16),
    /// Every answer comes this much later. Its body is made when the request arrives.
    Slow(Duration),
    /// Reads show a contact as it was one change ago, like a lagging replica: a new one is missing. Writes use the current state.
    Stale,
    /// A success with a web page instead of JSON. Nothing is written.
    WrongJson,
    /// Every request is answered with 429: the day's requests are used up.
    LimitExceeded,
    /// The token is refused.
    TokenRefused,
    /// Every write is answered with 423: another synchronization holds the records.
    Locked,
    /// A write is carried out, and then the connection is closed without a reply; reads work.
    LostReplies,
}
