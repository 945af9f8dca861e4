//! Auth0, Okta and SCIM servers: the whole value of `Authorization` is the secret. It covers neither body nor time, so a
//! request can be repeated: harmless, since an event is only a hint to read a record again.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Disbelief, Signed};
use crate::secrets::Secrets;

pub(crate) fn verify(request: &Signed<'_>, secrets: &Secrets) -> Result<(), Disbelief> {
    let presented = request.header("authorization")?;
    let mut found = false;
    for secret in secrets.iter() {
        // Digests are of one length, so that comparing them tells nothing of the secret's.
        let digest =
            |text: &[u8]| Hmac::<Sha256>::new_from_slice(secret).ok().map(|mac| mac.chain_update(text));
        if let (Some(expected), Some(actual)) = (digest(secret), digest(presented.as_bytes())) {
            found |= actual.verify(&expected.finalize().into_bytes()).is_ok();
        }
    }
    if found { Ok(()) } else { Err(Disbelief::Signature) }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn the_whole_value_and_nothing_near_it() {
        let secrets = Secrets::parse("Bearer 0123456789abcdef,Bearer fedcba9876543210").unwrap();
        let wrong = Err(Disbelief::Signature);
        let cases: &[(&[&str], _)] = &[
            (&["Bearer 0123456789abcdef"], Ok(())),
            (&["Bearer fedcba9876543210"], Ok(())),
            (&["Bearer 0123456789abcde"], wrong),
            (&["Bearer 0123456789abcdef0"], wrong),
            (&["0123456789abcdef"], wrong),
            (&["bearer 0123456789abcdef"], wrong),
            (&[""], wrong),
            (&[], wrong),
            (&["Bearer 0123456789abcdef", "Bearer 0123456789abcdef"], wrong),
        ];
        for (values, expected) in cases {
            let mut headers = HeaderMap::new();
            for value in *values {
                headers.append("authorization", HeaderValue::from_static(value));
            }
            let request = Signed { method: "POST", url: "", path: "", headers: &headers, body: b"" };
            assert_eq!(verify(&request, &secrets), *expected, "{values:?}");
        }
    }
}
