//! The result of applying what a source reported.

/// What a reading or a sign-in changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadingResult {
    /// Rows.
    Applied,
    /// Nothing: it is not new, or older than the stored one.
    Unchanged,
}
