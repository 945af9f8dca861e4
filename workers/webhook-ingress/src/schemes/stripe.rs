//! Stripe: `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]` over `<t>.<body>`.
//! <https://docs.stripe.com/webhooks?verify=verify-manually>

use time::OffsetDateTime;

use super::{Disbelief, Signed, authentic, number, recent};
use crate::secrets::Secrets;

const TOLERANCE_SECS: u64 = 300;

pub(crate) fn verify(request: &Signed<'_>, secrets: &Secrets, now: OffsetDateTime) -> Result<(), Disbelief> {
    verify_set(request.header("stripe-signature")?, request.body, secrets, now)
}

/// One `t=…,v1=…` with the body that it is of.
pub(super) fn verify_set(
    set: &str,
    body: &[u8],
    secrets: &Secrets,
    now: OffsetDateTime,
) -> Result<(), Disbelief> {
    let (mut sent_at, mut digests) = (None, Vec::new());
    for field in set.split(',') {
        match field.trim().split_once('=') {
            Some(("t", _)) if sent_at.is_some() => return Err(Disbelief::Signature),
            Some(("t", text)) => sent_at = Some(text),
            Some(("v1", digest)) => digests.extend(hex::decode(digest).ok()),
            // Older schemes are not believed: `v0` is Stripe's for test events.
            _ => {}
        }
    }
    let sent_at = sent_at.ok_or(Disbelief::Signature)?;
    authentic(secrets, &[sent_at.as_bytes(), b".", body], &digests)?;
    recent(number(sent_at)?, now.unix_timestamp(), TOLERANCE_SECS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schemes::vectors::{Case, check};

    #[test]
    fn the_vendor_s_own_signature_and_what_is_near_it() {
        check(
            "stripe",
            verify,
            300,
            &[
                Case::header("another v1 first", "stripe-signature", Ok(()), |it| {
                    it.replace(",v1=", ",v1=00ff,v1=")
                }),
                Case::header("as v0", "stripe-signature", Err(Disbelief::Signature), |it| {
                    it.replace("v1=", "v0=")
                }),
                Case::header("two times", "stripe-signature", Err(Disbelief::Signature), |it| {
                    format!("t=1,{it}")
                }),
                Case::header("no time", "stripe-signature", Err(Disbelief::Signature), |it| {
                    it.replace("t=", "x=")
                }),
            ],
        );
    }
}
