//! The request has the secret itself, as the whole value of `Authorization` or in its body.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{Secrets, SignedRequest, VerifyError};

/// Checks that `Authorization` is one of the secrets.
///
/// # Errors
/// [`VerifyError::Signature`] when it is not.
pub fn verify_authorization(request: &SignedRequest<'_>, secrets: &Secrets) -> Result<(), VerifyError> {
    // It covers neither body nor time, so a request can be repeated. That is harmless: an event is only a hint.
    let presented = request.header("authorization")?;
    if is_secret(presented.as_bytes(), secrets) { Ok(()) } else { Err(VerifyError::Signature) }
}

/// Whether a text is one of the secrets. The time that this takes does not tell which bytes fit.
pub fn is_secret(presented: &[u8], secrets: &Secrets) -> bool {
    let mut found = false;
    for secret in secrets.iter() {
        // Digests have one length, so the time of the comparison does not tell the secret's length.
        let digest =
            |text: &[u8]| Hmac::<Sha256>::new_from_slice(secret).ok().map(|mac| mac.chain_update(text));
        if let (Some(expected), Some(actual)) = (digest(secret), digest(presented)) {
            found |= actual.verify(&expected.finalize().into_bytes()).is_ok();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn only_the_whole_value_is_accepted() {
        let secrets =
            Secrets::read_list("Bearer 0123456789abcdef,Bearer fedcba9876543210", crate::Keys::Text).unwrap();
        let wrong = Err(VerifyError::Signature);
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
            let request = SignedRequest { method: "POST", url: "", path: "", headers: &headers, body: b"" };
            assert_eq!(verify_authorization(&request, &secrets), *expected, "{values:?}");
        }
    }

    #[test]
    fn a_secret_that_is_listed_twice_is_accepted() {
        let secrets =
            Secrets::read_list("Bearer 0123456789abcdef,Bearer 0123456789abcdef", crate::Keys::Text).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer 0123456789abcdef"));
        let request = SignedRequest { method: "POST", url: "", path: "", headers: &headers, body: b"" };
        assert_eq!(verify_authorization(&request, &secrets), Ok(()));
    }
}
