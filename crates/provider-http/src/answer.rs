//! What a reply says about the requested record. That it is not there is an answer, not an error.

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
    /// There is no such record (404): it never was, is no longer, or is hidden from us.
    NotFound,
    /// There is no such record any more (410).
    Gone,
}

/// What an answer without the record shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The source says that it was deleted.
    Deleted,
    /// The source finds no such record, as it documents for one that was deleted. With a wrong address or without a permission
    /// it may answer the same.
    NotFound,
    /// The answer lacks the record: it was deleted, or our user may not see it.
    NotVisible,
}

impl<T> Answer<T> {
    /// The value of a resource that a provider always has, such as a collection.
    ///
    /// # Errors
    /// [`ProviderError::Invalid`] with status 404 when it is not found: the base URL or another setting is wrong.
    pub fn always_found(self) -> Result<T, ProviderError> {
        match self {
            Self::Found { value, .. } => Ok(value),
            Self::NotFound | Self::Gone | Self::NotModified => Err(ProviderError::Invalid { status: 404 }),
        }
    }
}
