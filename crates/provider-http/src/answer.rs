//! What a reply says about the requested record. A missing record is an answer, not an error.

use crate::error::ProviderError;

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

impl<T> Answer<T> {
    /// The value of a resource that a provider always has, such as a collection.
    ///
    /// # Errors
    /// [`ProviderError::Invalid`] with status 404 when it is not found: the base URL or another setting is wrong.
    pub fn always_found(self) -> Result<T, ProviderError> {
        match self {
            Self::Found { value, .. } => Ok(value),
            Self::NotFound | Self::NotModified => Err(ProviderError::Invalid { status: 404 }),
        }
    }
}
