//! `HubSpot`, third version: base64 in `X-HubSpot-Signature-v3` over method, URL, body and the timestamp in milliseconds.
//! The older two versions, which `HubSpot` sends beside it, are not believed: they do not cover the time.
//! <https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;

use super::{Disbelief, Signed, authentic, number, recent};
use crate::secrets::Secrets;

const TOLERANCE_MS: u64 = 300_000;

/// The escapes that `HubSpot`'s text wants decoded before signing, and its library leaves.
const DECODED: [(&str, &str); 12] = [
    ("%3A", ":"),
    ("%2F", "/"),
    ("%3F", "?"),
    ("%40", "@"),
    ("%21", "!"),
    ("%24", "$"),
    ("%27", "'"),
    ("%28", "("),
    ("%29", ")"),
    ("%2A", "*"),
    ("%2C", ","),
    ("%3B", ";"),
];

pub(crate) fn verify(request: &Signed<'_>, secrets: &Secrets, now: OffsetDateTime) -> Result<(), Disbelief> {
    let sent_at = request.header("x-hubspot-request-timestamp")?;
    let digest = STANDARD.decode(request.header("x-hubspot-signature-v3")?);
    let digest = [digest.map_err(|_| Disbelief::Signature)?];
    let signed_with = |url: &str| {
        let parts: [&[u8]; 4] = [request.method.as_bytes(), url.as_bytes(), request.body, sent_at.as_bytes()];
        authentic(secrets, &parts, &digest)
    };
    signed_with(request.url).or_else(|_| signed_with(&decoded(request.url)))?;
    recent(number(sent_at)?, milliseconds(now), TOLERANCE_MS)
}

fn decoded(url: &str) -> String {
    DECODED.iter().fold(url.to_owned(), |url, (escape, plain)| url.replace(escape, plain))
}

/// Milliseconds since 1970.
pub(super) const fn milliseconds(time: OffsetDateTime) -> i64 {
    time.unix_timestamp() * 1000 + time.millisecond() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schemes::vectors::{Case, check};

    #[test]
    fn the_vendor_s_own_signature_and_what_is_near_it() {
        let wrong = Err(Disbelief::Signature);
        check(
            "hubspot-v3",
            verify,
            300,
            &[
                Case::url("another query", wrong, "https://hooks.example.gov/in/hubspot?src=crm%3A2"),
                Case::url("another host", wrong, "https://hooks.example.org/in/hubspot?src=crm%3A1"),
                Case::header("another time", "x-hubspot-request-timestamp", wrong, |_| {
                    String::from("1795413600001")
                }),
                Case::header("no base64", "x-hubspot-signature-v3", wrong, |it| format!("{it}!")),
            ],
        );
    }
}
