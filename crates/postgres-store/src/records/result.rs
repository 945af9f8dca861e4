//! What became of something that a source reported.

/// What a reading did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadingResult {
    /// Rows changed.
    Applied,
    /// Nothing new, or older than what is stored: no row of content changed.
    Unchanged,
}
