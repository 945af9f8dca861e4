//! One vendor's webhooks: all that `webhook-ingress` has to know of the vendor.

use http::{HeaderMap, Method};
use serde_json::Value;
use time::OffsetDateTime;
use url::form_urlencoded;

use crate::{Secrets, SignedRequest, UnreadableBody, VerifyError, WebhookRecord, verify_authorization};

/// Whether one of the secrets signed a request, and whether the request is of now.
pub type Verify = fn(&SignedRequest<'_>, &Secrets, OffsetDateTime) -> Result<(), VerifyError>;

/// One vendor's webhooks.
#[derive(Debug, Clone, Copy)]
pub struct Webhook {
    /// How a secret is written.
    pub keys: Keys,
    /// What proves a request.
    pub proof: Proof,
    /// The records that an authentic body names.
    pub read: fn(&HeaderMap, &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody>,
    /// How the vendor asks whether the webhook is ours.
    pub challenge: Option<Challenge>,
    /// Whether the signature covers the URL that the vendor calls: then we must know it.
    pub signs_url: bool,
}

/// How a vendor asks, without its secret, whether a webhook is ours.
#[derive(Debug, Clone, Copy)]
pub enum Challenge {
    /// Any `GET`. The answer is this value of its headers.
    Get(fn(&HeaderMap) -> Option<Value>),
    /// A `POST` with this parameter in its query. The answer is the parameter's decoded value, as plain text.
    Query(&'static str),
}

/// The answer to a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChallengeAnswer {
    /// JSON.
    Json(Value),
    /// Plain text.
    Text(String),
}

/// A longer challenge is none.
const MAX_CHALLENGE_BYTES: usize = 1024;

impl Challenge {
    /// `None`: the request is no challenge. `Some(None)`: it is one that is not answered.
    pub fn answer(
        self,
        method: &Method,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Option<Option<ChallengeAnswer>> {
        match self {
            Self::Get(answer) => (method == Method::GET).then(|| answer(headers).map(ChallengeAnswer::Json)),
            Self::Query(parameter) if method == Method::POST => {
                let mut values = form_urlencoded::parse(query?.as_bytes())
                    .filter(|(name, _)| name == parameter)
                    .map(|(_, value)| value);
                let value = values.next()?;
                // Anybody can send one, so that it must not become a page of ours: no line breaks, and one value only.
                let fits = !value.is_empty()
                    && value.len() <= MAX_CHALLENGE_BYTES
                    && value.chars().all(|c| c.is_ascii_graphic() || c == ' ');
                Some((fits && values.next().is_none()).then(|| ChallengeAnswer::Text(value.into_owned())))
            }
            Self::Query(_) => None,
        }
    }
}

/// How a secret is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// The text's own bytes are the key.
    Text,
    /// The key is the base64 after `whsec_`.
    Base64,
}

/// What proves that a request is a vendor's.
#[derive(Debug, Clone, Copy)]
pub enum Proof {
    /// The header `Authorization`, which is a secret. It is checked before the body is read.
    Authorization,
    /// A signature of the body.
    Signature(Verify),
}

impl Webhook {
    /// True if [`Self::verify`] looks at the head alone.
    pub const fn is_proven_by_head(&self) -> bool {
        matches!(self.proof, Proof::Authorization)
    }

    /// Checks that the request is this vendor's, and of now.
    ///
    /// # Errors
    /// [`VerifyError`] when it is not.
    pub fn verify(
        &self,
        request: &SignedRequest<'_>,
        secrets: &Secrets,
        now: OffsetDateTime,
    ) -> Result<(), VerifyError> {
        match self.proof {
            Proof::Authorization => verify_authorization(request, secrets),
            Proof::Signature(verify) => verify(request, secrets, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standard;

    #[test]
    fn a_challenge_in_a_query_is_answered_with_its_decoded_text() {
        let ask = |method: &Method, query: Option<&str>| {
            Challenge::Query("validationToken").answer(method, &HeaderMap::new(), query)
        };
        let text = |text: &str| Some(Some(ChallengeAnswer::Text(text.to_owned())));
        let long = format!("validationToken={}", "q".repeat(MAX_CHALLENGE_BYTES));
        for (query, expected) in [
            (None, None),
            (Some(""), None),
            (Some("other=1"), None),
            (Some("validationToken=a%3Ab"), text("a:b")),
            (
                Some("x=1&validationToken=Validation%3a+Testing%20client+%2b1"),
                text("Validation: Testing client +1"),
            ),
            (Some(long.as_str()), text(&"q".repeat(MAX_CHALLENGE_BYTES))),
            (Some(&format!("{long}q")), Some(None)),
            (Some("validationToken="), Some(None)),
            (Some("validationToken=a%0d%0ab"), Some(None)),
            (Some("validationToken=%ff"), Some(None)),
            (Some("validationToken=a&validationToken=b"), Some(None)),
        ] {
            assert_eq!(ask(&Method::POST, query), expected, "{query:?}");
        }
        assert_eq!(ask(&Method::GET, Some("validationToken=a")), None, "it has another method");
    }

    #[test]
    fn any_get_is_a_challenge_where_headers_have_it() {
        let challenge = Challenge::Get(|headers| headers.get("q").map(|_| Value::from(1)));
        let ask = |method: &Method, headers: &HeaderMap| challenge.answer(method, headers, Some("q=1"));
        let mut with = HeaderMap::new();
        with.insert("q", "x".parse().unwrap());
        assert_eq!(ask(&Method::GET, &with), Some(Some(ChallengeAnswer::Json(1.into()))));
        assert_eq!(ask(&Method::GET, &HeaderMap::new()), Some(None));
        assert_eq!(ask(&Method::POST, &with), None);
    }

    /// `webhook-ingress` then refuses a stranger's request before it reads the body.
    #[test]
    fn authorization_proves_a_request_without_its_body_and_a_signature_does_not() {
        let by_secret = Webhook { proof: Proof::Authorization, ..standard::WEBHOOK };
        assert!(by_secret.is_proven_by_head());
        assert!(!standard::WEBHOOK.is_proven_by_head());
    }
}
