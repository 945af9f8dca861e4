//! Checks for every scheme: signatures that vendors' own libraries made, and changes to a request that must not pass.
//! A vector file is a list of objects: `scheme`, `secret` or `secrets`, `headers`, `body`, and `url` or `path` where covered.

#![expect(clippy::unwrap_used, reason = "a broken vector or promise is a panic")]

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use sha2::Sha256;
use time::{Duration, OffsetDateTime};

use crate::{Secrets, SignedRequest, VerifyError, Webhook};

/// When every vector was signed, in seconds since 1970.
const SIGNED_AT: i64 = 1_795_413_600;

/// A vector's request, changed in one place, and the expected verdict.
#[derive(Debug)]
pub struct Case {
    name: &'static str,
    expected: Result<(), VerifyError>,
    change: Change,
}

#[derive(Debug)]
enum Change {
    Header(&'static str, fn(&str) -> String),
    Url(&'static str),
    Path(&'static str),
}

impl Case {
    /// A header's value is changed.
    pub const fn header(
        name: &'static str,
        header: &'static str,
        expected: Result<(), VerifyError>,
        change: fn(&str) -> String,
    ) -> Self {
        Self { name, expected, change: Change::Header(header, change) }
    }

    /// The request came to another URL.
    pub const fn url(name: &'static str, expected: Result<(), VerifyError>, url: &'static str) -> Self {
        Self { name, expected, change: Change::Url(url) }
    }

    /// The request came to another path.
    pub const fn path(name: &'static str, expected: Result<(), VerifyError>, path: &'static str) -> Self {
        Self { name, expected, change: Change::Path(path) }
    }
}

#[derive(Clone)]
struct Vector {
    secrets: Vec<String>,
    url: String,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Vector {
    fn read(vectors: &str, scheme: &str) -> Self {
        let all: Vec<Value> = serde_json::from_str(vectors).unwrap();
        let vector = all.iter().find(|vector| vector["scheme"] == scheme).unwrap();
        let text = |field: &str| vector[field].as_str().unwrap_or_default().to_owned();
        let pair = |(name, value): (&String, &Value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value.as_str().unwrap()).unwrap())
        };
        let secrets = match vector["secrets"].as_array() {
            Some(several) => several.iter().map(|secret| secret.as_str().unwrap().to_owned()).collect(),
            None => vec![text("secret")],
        };
        Self {
            secrets,
            url: text("url"),
            path: text("path"),
            headers: vector["headers"].as_object().unwrap().iter().map(pair).collect(),
            body: text("body").into_bytes(),
        }
    }

    fn verdict(&self, webhook: &Webhook, secrets: &[String], after_secs: i64) -> Result<(), VerifyError> {
        let Self { url, path, headers, body, .. } = self;
        let secrets = Secrets::of_any_length(secrets, webhook.keys);
        let now = OffsetDateTime::from_unix_timestamp(SIGNED_AT).unwrap() + Duration::seconds(after_secs);
        webhook.verify(&SignedRequest { method: "POST", url, path, headers, body }, &secrets, now)
    }
}

/// Checks the promises that every scheme keeps, and the cases of this one.
///
/// # Panics
/// When a promise is broken.
pub fn check(vectors: &str, scheme: &str, webhook: &Webhook, tolerance_secs: i64, cases: &[Case]) {
    let vector = Vector::read(vectors, scheme);
    check_secrets(&vector, webhook);
    check_ages(&vector, webhook, tolerance_secs);
    check_alterations(&vector, webhook);
    for case in cases {
        let mut changed = vector.clone();
        match case.change {
            Change::Header(name, change) => {
                let value = change(changed.headers[name].to_str().unwrap());
                changed.headers.insert(name, HeaderValue::from_str(&value).unwrap());
            }
            Change::Url(url) => url.clone_into(&mut changed.url),
            Change::Path(path) => path.clone_into(&mut changed.path),
        }
        assert_eq!(changed.verdict(webhook, &vector.secrets, 0), case.expected, "{}", case.name);
    }
}

fn check_secrets(vector: &Vector, webhook: &Webhook) {
    let wrong = Err(VerifyError::Signature);
    for secret in &vector.secrets {
        let alone = std::slice::from_ref(secret);
        assert_eq!(vector.verdict(webhook, alone, 0), Ok(()), "each secret alone");
    }
    assert_eq!(vector.verdict(webhook, &[String::from("whsec_b3RoZXI=")], 0), wrong, "another secret");
    assert_eq!(vector.verdict(webhook, &[], 0), wrong, "no secret");
}

fn check_ages(vector: &Vector, webhook: &Webhook, tolerance_secs: i64) {
    for (after_secs, expected) in [
        (tolerance_secs, Ok(())),
        (-tolerance_secs, Ok(())),
        (tolerance_secs + 1, Err(VerifyError::Time)),
        (-tolerance_secs - 1, Err(VerifyError::Time)),
    ] {
        let verdict = vector.verdict(webhook, &vector.secrets, after_secs);
        assert_eq!(verdict, expected, "{after_secs} s later");
    }
}

fn check_alterations(vector: &Vector, webhook: &Webhook) {
    let wrong = Err(VerifyError::Signature);
    let verdict = |changed: &Vector| changed.verdict(webhook, &vector.secrets, 0);
    for position in 0..vector.body.len() {
        let mut changed = vector.clone();
        changed.body[position] ^= 1;
        assert_eq!(verdict(&changed), wrong, "byte {position} of the body");
    }
    for name in vector.headers.keys() {
        let mut changed = vector.clone();
        changed.headers.remove(name);
        assert_eq!(verdict(&changed), wrong, "without {name}");
        changed.headers = vector.headers.clone();
        changed.headers.append(name, vector.headers[name].clone());
        assert_eq!(verdict(&changed), wrong, "{name} twice");
    }
}

/// The HMAC-SHA256 of a text, in hexadecimal digits: to sign a request in a test.
///
/// # Panics
/// Never: any key will do.
pub fn hex_digest(key: &str, text: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    hex::encode(mac.chain_update(text).finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;
    use crate::{Proof, Verify, standard};

    const VECTORS: &str = include_str!("../tests/fixtures/standard-webhooks-signatures.json");

    fn sound(request: &SignedRequest<'_>, secrets: &Secrets, now: OffsetDateTime) -> Result<(), VerifyError> {
        standard::WEBHOOK.verify(request, secrets, now)
    }

    fn signed_at() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(SIGNED_AT).unwrap()
    }

    #[test]
    fn a_scheme_that_breaks_a_promise_fails_the_check() {
        let schemes: [(&str, &str, Verify); 6] = [
            ("accepts any secret", "another secret", |_, _, _| Ok(())),
            ("accepts every request when there is no secret", "no secret", |request, secrets, now| {
                if secrets.is_empty() { Ok(()) } else { sound(request, secrets, now) }
            }),
            ("accepts a request of any age", "301 s later", |request, secrets, _| {
                sound(request, secrets, signed_at())
            }),
            ("refuses a sender whose clock is ahead", "-300 s later", |request, secrets, now| {
                if now < signed_at() { Err(VerifyError::Time) } else { sound(request, secrets, now) }
            }),
            ("does not sign the last byte", "of the body", |request, secrets, now| {
                let (_, before) = request.body.split_last().unwrap();
                let body = &[before, b"}"].concat();
                sound(&SignedRequest { body, ..*request }, secrets, now)
            }),
            ("accepts a header that is there twice", "twice", |request, secrets, now| {
                let first = |name| (HeaderName::clone(name), request.headers[name].clone());
                let headers = &request.headers.keys().map(first).collect();
                sound(&SignedRequest { headers, ..*request }, secrets, now)
            }),
        ];
        for (fault, promise, verify) in schemes {
            let webhook = Webhook { proof: Proof::Signature(verify), ..standard::WEBHOOK };
            let outcome = catch_unwind(|| check(VECTORS, "standard-webhooks", &webhook, 300, &[]));
            let failure = outcome.unwrap_err().downcast::<String>().unwrap();
            assert!(failure.contains(promise), "a scheme that {fault}: {failure}");
        }
    }

    /// Case 2 of <https://www.rfc-editor.org/rfc/rfc4231#section-4.3>.
    #[test]
    fn a_digest_is_that_of_the_rfc() {
        assert_eq!(
            hex_digest("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
