//! The mechanics of signatures: HMAC-SHA256 with one of several secrets, encodings of digests, and ages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use sha2::Sha256;
use time::OffsetDateTime;

use crate::Secrets;

/// Most signatures that are tried in one header: a provider sends one for each of its live secrets.
pub const MAX_SIGNATURES: usize = 8;

/// A request, as far as a provider may have signed it.
#[derive(Debug)]
pub struct SignedRequest<'a> {
    /// `POST`.
    pub method: &'a str,
    /// The URL that the provider called.
    pub url: &'a str,
    /// Its path and query.
    pub path: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, byte for byte.
    pub body: &'a [u8],
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No live secret signed it.
    #[error("signature is missing or wrong")]
    Signature,
    /// It is authentic, and too old or of the future.
    #[error("timestamp is too old or in the future")]
    Time,
}

impl SignedRequest<'_> {
    /// A header that is there once, and is text.
    ///
    /// # Errors
    /// [`VerifyError::Signature`] when it is not.
    pub fn header(&self, name: &str) -> Result<&str, VerifyError> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().map_err(|_| VerifyError::Signature),
            // Of two values, another program may read the other one.
            _ => Err(VerifyError::Signature),
        }
    }
}

/// Checks that one of the secrets made one of the digests, of the parts one after the other.
///
/// # Errors
/// [`VerifyError::Signature`] when none did.
pub fn verify_digests(secrets: &Secrets, parts: &[&[u8]], digests: &[Vec<u8>]) -> Result<(), VerifyError> {
    let mut found = false;
    for key in secrets.iter() {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { continue };
        for part in parts {
            mac.update(part);
        }
        for digest in digests.iter().take(MAX_SIGNATURES) {
            // Not `||`: the time that this takes must not tell which secret fits.
            found |= mac.clone().verify_slice(digest).is_ok();
        }
    }
    if found { Ok(()) } else { Err(VerifyError::Signature) }
}

/// Checks that a request was sent near enough to `now`, before or after. All three in the same unit.
///
/// # Errors
/// [`VerifyError::Time`] when it was not; [`VerifyError::Signature`] when `sent_at` is no number.
pub fn check_age(sent_at: &str, now: i64, tolerance: u64) -> Result<(), VerifyError> {
    let sent_at: i64 = sent_at.parse().map_err(|_| VerifyError::Signature)?;
    if now.abs_diff(sent_at) <= tolerance { Ok(()) } else { Err(VerifyError::Time) }
}

/// Milliseconds since 1970.
#[must_use]
pub const fn unix_millis(time: OffsetDateTime) -> i64 {
    time.unix_timestamp() * 1000 + time.millisecond() as i64
}

/// A digest in hexadecimal digits.
///
/// # Errors
/// [`VerifyError::Signature`] when it is not.
pub fn from_hex(text: &str) -> Result<Vec<u8>, VerifyError> {
    hex::decode(text).map_err(|_| VerifyError::Signature)
}

/// A digest in base64.
///
/// # Errors
/// [`VerifyError::Signature`] when it is not.
pub fn from_base64(text: &str) -> Result<Vec<u8>, VerifyError> {
    STANDARD.decode(text).map_err(|_| VerifyError::Signature)
}
