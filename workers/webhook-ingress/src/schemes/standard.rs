//! Standard Webhooks: `webhook-signature: v1,<base64>` (a space between several) over `<id>.<timestamp>.<body>`; the key
//! is the base64 after `whsec_`. <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;

use super::{Disbelief, Signed, authentic, number, recent};
use crate::secrets::Secrets;

const TOLERANCE_SECS: u64 = 300;

pub(crate) fn verify(request: &Signed<'_>, secrets: &Secrets, now: OffsetDateTime) -> Result<(), Disbelief> {
    let id = request.header("webhook-id")?;
    let sent_at = request.header("webhook-timestamp")?;
    // `v1a` is for public keys, which we are not given.
    let signatures =
        request.header("webhook-signature")?.split(' ').filter_map(|one| one.strip_prefix("v1,"));
    let digests: Vec<Vec<u8>> = signatures.filter_map(|text| STANDARD.decode(text).ok()).collect();
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", sent_at.as_bytes(), b".", request.body];
    authentic(secrets, &parts, &digests)?;
    recent(number(sent_at)?, now.unix_timestamp(), TOLERANCE_SECS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schemes::vectors::{Case, check};

    #[test]
    fn the_library_s_own_signature_and_what_is_near_it() {
        let wrong = Err(Disbelief::Signature);
        check(
            "standard-webhooks",
            verify,
            300,
            &[
                Case::header("a foreign one first", "webhook-signature", Ok(()), |it| {
                    format!("v1a,AAAA v1,AAAA {it}")
                }),
                Case::header("another ID", "webhook-id", wrong, |it| format!("{it}x")),
                Case::header("another time", "webhook-timestamp", wrong, |_| String::from("1795413601")),
                Case::header("as v1a", "webhook-signature", wrong, |it| it.replace("v1,", "v1a,")),
            ],
        );
    }
}
