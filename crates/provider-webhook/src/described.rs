//! Webhooks that the file of sources describes: a header with an HMAC, or one of the schemes that are here already, and a reader that
//! follows the description. In: what the file says. Out: a [`SourceWebhook`]. It knows no file and no source.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use time::OffsetDateTime;

use crate::scheme::{check_age, from_base64, from_hex, unix_millis, verify_digests};
use crate::webhook::{Challenge, Keys, Webhook};
use crate::{
    Secrets, SignedRequest, UnreadableBody, VerifyError, WebhookRecord, standard, verify_authorization,
};

/// Older requests, and those of a later time, are refused.
const TOLERANCE_SECS: u64 = 300;

/// The webhooks of one source: as its vendor sends them, or as the file describes them.
#[derive(Debug, Clone)]
pub enum SourceWebhook {
    /// As the vendor sends them.
    OfVendor(&'static Webhook),
    /// As the file says.
    Described(Arc<DescribedWebhook>),
}

/// Webhooks as the file describes them.
pub struct DescribedWebhook {
    /// What proves a request.
    pub scheme: Scheme,
    /// The records that an authentic body names.
    pub read: BodyReader,
}

/// Reads an authentic body.
pub type BodyReader = Box<dyn Fn(&[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> + Send + Sync>;

/// What proves a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// The header `Authorization`, which is a secret.
    Authorization,
    /// Standard Webhooks.
    StandardWebhooks,
    /// A header with an HMAC-SHA256.
    Hmac(HmacHeader),
}

/// A header with an HMAC-SHA256 of the body, or of a text that also has a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HmacHeader {
    /// The header with the digest.
    pub header: String,
    /// What is before the digest: `sha256=`.
    pub prefix: String,
    /// How the digest is written.
    pub encoding: Encoding,
    /// When the request was sent. `None`: a request can be repeated, which causes another refetch and no more.
    pub time: Option<SignedTime>,
}

/// How a digest is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal digits.
    Hex,
    /// Base64 with its padding.
    Base64,
}

/// The time of a request, which the signature covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTime {
    /// The header with it.
    pub header: String,
    /// In milliseconds since 1970, and not in seconds.
    pub millis: bool,
    /// What is signed.
    pub signed: Vec<SignedPart>,
}

/// A part of what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedPart {
    /// This text.
    Text(String),
    /// The time, as the header has it.
    Time,
    /// The body.
    Body,
}

impl SignedTime {
    /// The parts of a text such as `{timestamp}.{body}`, which has both once.
    pub fn parts(text: &str) -> Option<Vec<SignedPart>> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, from) = rest.split_at(open);
            let close = from.find('}')?;
            if !before.is_empty() {
                parts.push(SignedPart::Text(before.to_owned()));
            }
            parts.push(match &from[1..close] {
                "timestamp" => SignedPart::Time,
                "body" => SignedPart::Body,
                _ => return None,
            });
            rest = &from[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(SignedPart::Text(rest.to_owned()));
        }
        let count = |wanted: &SignedPart| parts.iter().filter(|part| *part == wanted).count();
        (count(&SignedPart::Time) == 1 && count(&SignedPart::Body) == 1).then_some(parts)
    }
}

impl HmacHeader {
    fn verify<'a>(
        &'a self,
        request: &'a SignedRequest<'_>,
        secrets: &Secrets,
        now: OffsetDateTime,
    ) -> Result<(), VerifyError> {
        let value = request.header(&self.header)?;
        let digest = value.strip_prefix(self.prefix.as_str()).ok_or(VerifyError::Signature)?;
        let digest = match self.encoding {
            Encoding::Hex => from_hex(digest)?,
            Encoding::Base64 => from_base64(digest)?,
        };
        let Some(SignedTime { header, millis, signed }) = &self.time else {
            return verify_digests(secrets, &[request.body], &[digest]);
        };
        let sent_at = request.header(header)?;
        let bytes = |part: &'a SignedPart| match part {
            SignedPart::Text(text) => text.as_bytes(),
            SignedPart::Time => sent_at.as_bytes(),
            SignedPart::Body => request.body,
        };
        let parts: Vec<&[u8]> = signed.iter().map(bytes).collect();
        verify_digests(secrets, &parts, &[digest])?;
        if *millis {
            check_age(sent_at, unix_millis(now), TOLERANCE_SECS * 1000)
        } else {
            check_age(sent_at, now.unix_timestamp(), TOLERANCE_SECS)
        }
    }
}

impl SourceWebhook {
    /// How a secret is written.
    pub fn keys(&self) -> Keys {
        match self {
            Self::OfVendor(webhook) => webhook.keys,
            Self::Described(described) => match described.scheme {
                Scheme::StandardWebhooks => Keys::Base64,
                Scheme::Authorization | Scheme::Hmac(_) => Keys::Text,
            },
        }
    }

    /// How the vendor asks whether the webhook is ours.
    pub const fn challenge(&self) -> Option<Challenge> {
        match self {
            Self::OfVendor(webhook) => webhook.challenge,
            Self::Described(_) => None,
        }
    }

    /// Whether the signature covers the URL that the vendor calls: then we must know it.
    pub const fn signs_url(&self) -> bool {
        match self {
            Self::OfVendor(webhook) => webhook.signs_url,
            Self::Described(_) => false,
        }
    }

    /// True if [`Self::verify`] looks at the head alone.
    pub fn is_proven_by_head(&self) -> bool {
        match self {
            Self::OfVendor(webhook) => webhook.is_proven_by_head(),
            Self::Described(described) => described.scheme == Scheme::Authorization,
        }
    }

    /// Checks that the request is this source's, and of now.
    ///
    /// # Errors
    /// [`VerifyError`] when it is not.
    pub fn verify(
        &self,
        request: &SignedRequest<'_>,
        secrets: &Secrets,
        now: OffsetDateTime,
    ) -> Result<(), VerifyError> {
        match self {
            Self::OfVendor(webhook) => webhook.verify(request, secrets, now),
            Self::Described(described) => match &described.scheme {
                Scheme::Authorization => verify_authorization(request, secrets),
                Scheme::StandardWebhooks => standard::WEBHOOK.verify(request, secrets, now),
                Scheme::Hmac(header) => header.verify(request, secrets, now),
            },
        }
    }

    /// The records that an authentic body names.
    ///
    /// # Errors
    /// [`UnreadableBody`] when it is no event of this source.
    pub fn read(&self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
        match self {
            Self::OfVendor(webhook) => (webhook.read)(headers, body),
            Self::Described(described) => (described.read)(body),
        }
    }
}

impl fmt::Debug for DescribedWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DescribedWebhook").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    use super::*;
    use crate::vectors::hex_digest;

    const SECRET: &str = "0123456789abcdef";

    fn verdict(hmac: HmacHeader, headers: &[(&'static str, &str)], now_secs: i64) -> Result<(), VerifyError> {
        let read: BodyReader = Box::new(|_| Ok(Vec::new()));
        let webhook =
            SourceWebhook::Described(Arc::new(DescribedWebhook { scheme: Scheme::Hmac(hmac), read }));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let request = SignedRequest { method: "POST", url: "", path: "", headers: &map, body: b"body" };
        let secrets = Secrets::read_list(SECRET, webhook.keys()).unwrap();
        webhook.verify(&request, &secrets, OffsetDateTime::from_unix_timestamp(now_secs).unwrap())
    }

    fn plain(prefix: &str, encoding: Encoding) -> HmacHeader {
        HmacHeader { header: "x-signature".into(), prefix: prefix.into(), encoding, time: None }
    }

    #[test]
    fn a_digest_of_the_body_is_accepted_with_its_prefix_and_in_its_encoding_only() {
        let digest = hex_digest(SECRET, "body");
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(b"body");
        let base64 =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, mac.finalize().into_bytes());
        let wrong = Err(VerifyError::Signature);
        let sha = || plain("sha256=", Encoding::Hex);
        for (scheme, value, expected) in [
            (sha(), format!("sha256={digest}"), Ok(())),
            (sha(), digest.clone(), wrong),
            (sha(), String::from("sha256="), wrong),
            (sha(), format!("sha256={}", hex_digest(SECRET, "bodx")), wrong),
            (sha(), format!("sha256={}", hex_digest("fedcba9876543210", "body")), wrong),
            (plain("", Encoding::Base64), base64.clone(), Ok(())),
            (plain("", Encoding::Hex), base64, wrong),
        ] {
            assert_eq!(verdict(scheme, &[("x-signature", value.as_str())], 0), expected, "{value}");
        }
        assert_eq!(verdict(sha(), &[], 0), wrong);
    }

    #[test]
    fn a_signed_time_must_be_of_now() {
        let parts = SignedTime::parts("v0:{timestamp}:{body}").unwrap();
        let with = |millis: bool| HmacHeader {
            time: Some(SignedTime { header: "x-time".into(), millis, signed: parts.clone() }),
            ..plain("v0=", Encoding::Hex)
        };
        let sent = |at: &str, signed_at: &str| {
            let digest = format!("v0={}", hex_digest(SECRET, &format!("v0:{signed_at}:body")));
            (digest, at.to_owned())
        };
        for (millis, (digest, at), expected) in [
            (false, sent("1000", "1000"), Ok(())),
            (false, sent("1001", "1000"), Err(VerifyError::Signature)),
            (false, sent("699", "699"), Err(VerifyError::Time)),
            (false, sent("1301", "1301"), Err(VerifyError::Time)),
            (true, sent("1000000", "1000000"), Ok(())),
            (true, sent("1000", "1000"), Err(VerifyError::Time)),
            (false, sent("soon", "soon"), Err(VerifyError::Signature)),
        ] {
            let headers = [("x-signature", digest.as_str()), ("x-time", at.as_str())];
            assert_eq!(verdict(with(millis), &headers, 1000), expected, "{at}");
        }
        assert_eq!(verdict(with(false), &[("x-signature", "v0=00")], 1000), Err(VerifyError::Signature));
    }

    #[test]
    fn what_is_signed_has_the_time_and_the_body_once() {
        let text = |text: &str| SignedPart::Text(text.to_owned());
        assert_eq!(
            SignedTime::parts("v0:{timestamp}:{body}"),
            Some(vec![text("v0:"), SignedPart::Time, text(":"), SignedPart::Body])
        );
        for wrong in
            ["{body}", "{timestamp}", "{timestamp}.{body}.{body}", "{time}.{body}", "{timestamp}{body", ""]
        {
            assert_eq!(SignedTime::parts(wrong), None, "{wrong}");
        }
    }
}
