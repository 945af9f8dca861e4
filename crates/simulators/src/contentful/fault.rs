//! The faults that a test can set.

/// A fault of the whole environment. It lasts until a test sets another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// No fault.
    #[default]
    None,
    /// Every request is answered with 503. For a closed port see [`super::ContentfulSimulator::refuse_connections`].
    Down,
    /// A success with a web page instead of JSON.
    WrongJson,
}

/// A fault of one page of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageFault {
    /// It is answered with this status.
    Status(u16),
    /// It is answered with 429. The reply says how long that lasts.
    RateLimited {
        /// Seconds.
        reset_secs: u64,
    },
    /// A success without items, which says that the sync ends here.
    Empty,
    /// The items of the page before, and the link of this one.
    RepeatedItems,
    /// The page as it is, with a link to itself.
    LinkToItself,
    /// The page as it is, with a link to another server.
    LinkElsewhere,
}
