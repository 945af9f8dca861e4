//! What a reply says about the record that was asked for. A missing record is an answer, not an error.

/// What a provider answers about one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// The record, and the reply's `ETag` as sent.
    Found {
        /// The record.
        value: T,
        /// Opaque: tells equality, never order. Pass it back as `if_none_match`.
        etag: Option<String>,
    },
    /// The caller's copy, named by `if_none_match`, is current.
    NotModified,
    /// There is no such record: never was (404) or no longer (410).
    NotFound,
}
