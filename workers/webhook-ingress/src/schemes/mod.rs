//! How providers prove that a webhook is theirs: one module for each scheme, all pure.
//!
//! In: a request as it came, the secrets that are live, and the time. Out: whether one of the secrets signed it, and
//! whether it is of now. Digests are compared in constant time, and every secret is tried whichever fits. A scheme must
//! not read the body as anything but bytes.

pub(crate) mod contentful;
pub(crate) mod hubspot;
pub(crate) mod persona;
pub(crate) mod standard;
pub(crate) mod static_header;
pub(crate) mod stripe;
#[cfg(test)]
mod vectors;

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secrets::Secrets;

/// Signatures that are looked at in one header: a provider sends one for each of its live secrets.
const MAX_SIGNATURES: usize = 8;

/// A request, as far as anything in it may be signed.
pub(crate) struct Signed<'a> {
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

/// Why a request is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Disbelief {
    /// No live secret signed it.
    #[error("signature is missing or wrong")]
    Signature,
    /// It is authentic, and too old or of the future.
    #[error("timestamp is too old or in the future")]
    Time,
}

impl Signed<'_> {
    /// A header that stands there once, and is text.
    fn header(&self, name: &str) -> Result<&str, Disbelief> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().map_err(|_| Disbelief::Signature),
            _ => Err(Disbelief::Signature),
        }
    }
}

/// Whether one of the secrets made one of the digests of `parts`.
fn authentic(secrets: &Secrets, parts: &[&[u8]], digests: &[Vec<u8>]) -> Result<(), Disbelief> {
    let mut found = false;
    for key in secrets.iter() {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { continue };
        for part in parts {
            mac.update(part);
        }
        for digest in digests.iter().take(MAX_SIGNATURES) {
            // Not `||`: which secret fits is nobody's business.
            found |= mac.clone().verify_slice(digest).is_ok();
        }
    }
    if found { Ok(()) } else { Err(Disbelief::Signature) }
}

/// Whether a time is near enough. All three in the same unit.
fn recent(sent_at: i64, now: i64, tolerance: u64) -> Result<(), Disbelief> {
    if now.abs_diff(sent_at) <= tolerance { Ok(()) } else { Err(Disbelief::Time) }
}

fn number(text: &str) -> Result<i64, Disbelief> {
    text.parse().map_err(|_| Disbelief::Signature)
}
