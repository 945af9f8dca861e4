//! Contentful: hex in `x-contentful-signature` over four lines: method, path, the signed headers, body.
//! <https://www.contentful.com/developers/docs/webhooks/request-verification/>

use time::OffsetDateTime;

use super::hubspot::milliseconds;
use super::{Disbelief, Signed, authentic, number, recent};
use crate::secrets::Secrets;

const TOLERANCE_MS: u64 = 30_000;

const TIMESTAMP: &str = "x-contentful-timestamp";
const SIGNED_HEADERS: &str = "x-contentful-signed-headers";

/// Contentful signs a handful.
const MAX_SIGNED_HEADERS: usize = 50;

pub(crate) fn verify(request: &Signed<'_>, secrets: &Secrets, now: OffsetDateTime) -> Result<(), Disbelief> {
    let sent_at = request.header(TIMESTAMP)?;
    let digest = hex::decode(request.header("x-contentful-signature")?).map_err(|_| Disbelief::Signature)?;
    let names: Vec<String> =
        request.header(SIGNED_HEADERS)?.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    // What is not signed is anybody's word: neither the time nor the list itself may be left out.
    let covered = [TIMESTAMP, SIGNED_HEADERS].iter().all(|name| names.iter().any(|signed| signed == name));
    if !covered || names.len() > MAX_SIGNED_HEADERS {
        return Err(Disbelief::Signature);
    }
    let mut headers = Vec::with_capacity(names.len());
    for name in &names {
        headers.push(format!("{name}:{}", request.header(name)?.trim()));
    }
    let head = format!("{}\n{}\n{}\n", request.method, request.path, headers.join(";"));
    authentic(secrets, &[head.as_bytes(), request.body], &[digest])?;
    recent(number(sent_at)?, milliseconds(now), TOLERANCE_MS)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    use super::*;
    use crate::schemes::vectors::{Case, check};

    #[test]
    fn the_vendor_s_own_signature_and_what_is_near_it() {
        let wrong = Err(Disbelief::Signature);
        check(
            "contentful",
            verify,
            30,
            &[
                Case::header("another topic", "x-contentful-topic", wrong, |it| {
                    it.replace("publish", "delete")
                }),
                Case::header("time not signed", SIGNED_HEADERS, wrong, |it| {
                    it.replace(",x-contentful-timestamp", "")
                }),
                Case::header("another list", SIGNED_HEADERS, wrong, |it| format!("{it},host")),
                Case::path("another path", wrong, "/in/contentful2"),
            ],
        );
    }

    /// Nobody but the holder of the secret can make one; it could be sent again for ever.
    #[test]
    fn a_signature_that_leaves_out_the_time_is_not_believed() {
        let secrets = Secrets::of_texts(&["0123456789abcdef".to_owned()]);
        let verdict = |list: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(TIMESTAMP, HeaderValue::from_static("0"));
            headers.insert(SIGNED_HEADERS, list.parse().unwrap());
            let signed: Vec<String> =
                list.split(',').map(|name| format!("{name}:{}", headers[name].to_str().unwrap())).collect();
            let mac = Hmac::<Sha256>::new_from_slice(b"0123456789abcdef").unwrap();
            let mac = mac.chain_update(format!("POST\n/\n{}\n", signed.join(";")));
            let digest = hex::encode(mac.finalize().into_bytes());
            headers.insert("x-contentful-signature", digest.parse().unwrap());
            let request = Signed { method: "POST", url: "", path: "/", headers: &headers, body: b"" };
            verify(&request, &secrets, OffsetDateTime::UNIX_EPOCH)
        };
        assert_eq!(verdict(&format!("{SIGNED_HEADERS},{TIMESTAMP}")), Ok(()));
        assert_eq!(verdict(SIGNED_HEADERS), Err(Disbelief::Signature));
        assert_eq!(verdict(TIMESTAMP), Err(Disbelief::Signature));
    }
}
