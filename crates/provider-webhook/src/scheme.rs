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

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::vectors::hex_digest;

    #[test]
    fn one_digest_by_one_secret_is_enough_though_it_is_there_twice() {
        let (old, new) = ("0123456789abcdef", "fedcba9876543210");
        let (both, twice) = (format!("{old},{new}"), format!("{old},{old}"));
        let digest = |key: &str| from_hex(&hex_digest(key, "1.body")).unwrap();
        let foreign = || digest("another");
        let foreign_ones = |count: usize| std::iter::repeat_with(foreign).take(count);
        let wrong = Err(VerifyError::Signature);
        for (name, list, digests, expected) in [
            ("first of two secrets", both.as_str(), vec![digest(old)], Ok(())),
            ("second of two secrets", both.as_str(), vec![digest(new)], Ok(())),
            ("both secrets", both.as_str(), vec![digest(old), digest(new)], Ok(())),
            ("secret that is listed twice", twice.as_str(), vec![digest(old)], Ok(())),
            ("digest that is sent twice", old, vec![digest(old), digest(old)], Ok(())),
            ("eighth digest", old, foreign_ones(7).chain([digest(old)]).collect(), Ok(())),
            ("ninth digest", old, foreign_ones(8).chain([digest(old)]).collect(), wrong),
            ("another secret", old, vec![digest(new)], wrong),
            ("half a digest", old, vec![digest(old)[..16].to_vec()], wrong),
            ("empty digest", old, vec![Vec::new()], wrong),
            ("no digest", old, Vec::new(), wrong),
            ("no secret", "", vec![digest("")], wrong),
        ] {
            let secrets = Secrets::read_list(list, crate::Keys::Text).unwrap();
            assert_eq!(verify_digests(&secrets, &[b"1", b".", b"body"], &digests), expected, "{name}");
        }
    }

    #[test]
    fn a_time_is_counted_in_milliseconds_since_1970() {
        for (time, expected) in [
            (OffsetDateTime::UNIX_EPOCH, 0),
            (datetime!(2026-11-20 15:10:42 UTC), 1_795_187_442_000),
            (datetime!(2026-11-20 15:10:42.1239 UTC), 1_795_187_442_123),
            (datetime!(2026-11-20 16:10:42.123 +01:00), 1_795_187_442_123),
            (datetime!(1969-12-31 23:59:59.999 UTC), -1),
        ] {
            assert_eq!(unix_millis(time), expected, "{time}");
        }
    }

    #[test]
    fn a_digest_is_read_from_whole_hexadecimal_bytes() {
        assert_eq!(from_hex("00ff7a"), Ok(vec![0x00, 0xff, 0x7a]));
        assert_eq!(from_hex("00FF7A"), Ok(vec![0x00, 0xff, 0x7a]));
        for text in ["00f", "0x00", "0g", " 00", "AP96"] {
            assert_eq!(from_hex(text), Err(VerifyError::Signature), "{text:?}");
        }
    }
}
