//! `t=<seconds>,v1=<hex>[,v1=<hex>]` over `<t>.<body>`: the scheme that Stripe has made popular.

use time::OffsetDateTime;

use crate::{Secrets, VerifyError, check_age, from_hex, verify_digests};

const TOLERANCE_SECS: u64 = 300;

/// Checks one `t=…,v1=…` with the body that it is of.
///
/// # Errors
/// [`VerifyError`], as the scheme says.
pub fn verify_timed_set(
    set: &str,
    body: &[u8],
    secrets: &Secrets,
    now: OffsetDateTime,
) -> Result<(), VerifyError> {
    let (mut sent_at, mut digests) = (None, Vec::new());
    for field in set.split(',') {
        match field.trim().split_once('=') {
            Some(("t", _)) if sent_at.is_some() => return Err(VerifyError::Signature),
            Some(("t", text)) => sent_at = Some(text),
            Some(("v1", digest)) => digests.extend(from_hex(digest).ok()),
            // Other schemes do not count: `v0` is Stripe's for test events.
            _ => {}
        }
    }
    let sent_at = sent_at.ok_or(VerifyError::Signature)?;
    verify_digests(secrets, &[sent_at.as_bytes(), b".", body], &digests)?;
    check_age(sent_at, now.unix_timestamp(), TOLERANCE_SECS)
}
