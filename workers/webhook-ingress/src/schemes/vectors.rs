//! Signatures that vendors' own libraries made, and the changes to a request that no scheme may let pass.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::{Disbelief, Signed};
use crate::secrets::Secrets;

const VECTORS: &str = include_str!("../../tests/fixtures/signature-vectors.json");

type Verify = fn(&Signed<'_>, &Secrets, OffsetDateTime) -> Result<(), Disbelief>;

/// A vector's request, changed in one place, and what is to become of it.
pub(super) struct Case {
    name: &'static str,
    expected: Result<(), Disbelief>,
    change: Change,
}

enum Change {
    Header(&'static str, fn(&str) -> String),
    Url(&'static str),
    Path(&'static str),
}

impl Case {
    pub(super) const fn header(
        name: &'static str,
        header: &'static str,
        expected: Result<(), Disbelief>,
        change: fn(&str) -> String,
    ) -> Self {
        Self { name, expected, change: Change::Header(header, change) }
    }

    pub(super) const fn url(name: &'static str, expected: Result<(), Disbelief>, url: &'static str) -> Self {
        Self { name, expected, change: Change::Url(url) }
    }

    pub(super) const fn path(
        name: &'static str,
        expected: Result<(), Disbelief>,
        path: &'static str,
    ) -> Self {
        Self { name, expected, change: Change::Path(path) }
    }
}

struct Vector {
    secrets: Vec<String>,
    standard: bool,
    url: String,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Vector {
    fn named(scheme: &str) -> Self {
        let all: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
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
            standard: scheme == "standard-webhooks",
            url: text("url"),
            path: text("path"),
            headers: vector["headers"].as_object().unwrap().iter().map(pair).collect(),
            body: text("body").into_bytes(),
        }
    }

    fn secrets(&self, texts: &[String]) -> Secrets {
        if self.standard { Secrets::of_base64(texts) } else { Secrets::of_texts(texts) }
    }

    fn verdict(&self, verify: Verify, secrets: &Secrets, now: OffsetDateTime) -> Result<(), Disbelief> {
        let Self { url, path, headers, body, .. } = self;
        verify(&Signed { method: "POST", url, path, headers, body }, secrets, now)
    }
}

/// What holds for every scheme, and the cases of one.
pub(super) fn check(scheme: &str, verify: Verify, tolerance_secs: i64, cases: &[Case]) {
    let sent_at = OffsetDateTime::from_unix_timestamp(1_795_413_600).unwrap();
    let vector = Vector::named(scheme);
    let live = vector.secrets(&vector.secrets);
    let wrong = Err(Disbelief::Signature);

    for secret in &vector.secrets {
        let alone = vector.secrets(std::slice::from_ref(secret));
        assert_eq!(vector.verdict(verify, &alone, sent_at), Ok(()), "each secret alone");
    }
    let other = vector.secrets(&[String::from("whsec_b3RoZXI=")]);
    assert_eq!(vector.verdict(verify, &other, sent_at), wrong, "another secret");
    assert_eq!(vector.verdict(verify, &Secrets::default(), sent_at), wrong, "no secret");

    for (offset, expected) in [
        (tolerance_secs, Ok(())),
        (-tolerance_secs, Ok(())),
        (tolerance_secs + 1, Err(Disbelief::Time)),
        (-tolerance_secs - 1, Err(Disbelief::Time)),
    ] {
        let now = sent_at + Duration::seconds(offset);
        assert_eq!(vector.verdict(verify, &live, now), expected, "{offset} s later");
    }

    for position in 0..vector.body.len() {
        let mut changed = Vector::named(scheme);
        changed.body[position] ^= 1;
        assert_eq!(changed.verdict(verify, &live, sent_at), wrong, "byte {position} of the body");
    }
    for name in vector.headers.keys() {
        let mut changed = Vector::named(scheme);
        changed.headers.remove(name);
        assert_eq!(changed.verdict(verify, &live, sent_at), wrong, "without {name}");
        changed.headers = vector.headers.clone();
        changed.headers.append(name, vector.headers[name].clone());
        assert_eq!(changed.verdict(verify, &live, sent_at), wrong, "{name} twice");
    }

    for case in cases {
        let mut changed = Vector::named(scheme);
        match case.change {
            Change::Header(name, change) => {
                let value = change(changed.headers[name].to_str().unwrap());
                changed.headers.insert(name, HeaderValue::from_str(&value).unwrap());
            }
            Change::Url(url) => url.clone_into(&mut changed.url),
            Change::Path(path) => path.clone_into(&mut changed.path),
        }
        assert_eq!(changed.verdict(verify, &live, sent_at), case.expected, "{}", case.name);
    }
}
