//! One vendor's webhooks: all that `webhook-ingress` has to know of the vendor.

use http::HeaderMap;
use serde_json::Value;
use settings::Setting;
use time::OffsetDateTime;

use crate::{Secrets, SignedRequest, UnreadableBody, VerifyError, WebhookRecord, verify_authorization};

/// Whether one of the secrets signed a request, and whether the request is of now.
pub type Verify = fn(&SignedRequest<'_>, &Secrets, OffsetDateTime) -> Result<(), VerifyError>;

/// One vendor's webhooks.
#[derive(Debug, Clone, Copy)]
pub struct Webhook {
    /// Its name in the path, in `coppice.ingress.<name>` and in metrics.
    pub name: &'static str,
    /// The setting that holds its secrets and, unless it is empty, enables it: a [`secrets_setting`].
    pub secrets: Setting<Secrets>,
    /// How the setting writes a secret.
    pub keys: Keys,
    /// What proves a request.
    pub proof: Proof,
    /// The records that an authentic body names.
    pub read: fn(&HeaderMap, &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody>,
    /// The answer to a `GET` by which the vendor asks whether the webhook is ours; `None` to any other request.
    pub challenge: Option<fn(&HeaderMap) -> Option<Value>>,
}

/// How a setting writes a secret.
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

/// The setting of a provider's secrets: a list with commas, empty by default, which leaves the provider disabled.
pub const fn secrets_setting(name: &'static str, meaning: &'static str) -> Setting<Secrets> {
    Setting::new(name, Some(""), meaning, Secrets::parse)
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
    use settings::Reader;

    use super::*;
    use crate::standard;

    #[test]
    fn a_provider_is_disabled_until_its_secrets_are_set() {
        let read = |value: Option<&str>| {
            let variable = value.map(|value| (standard::WEBHOOK.secrets.name.to_owned(), value.to_owned()));
            Reader::from_variables(variable).read(standard::WEBHOOK.secrets).unwrap()
        };
        assert!(read(None).is_empty());
        assert!(read(Some("")).is_empty());
        assert!(!read(Some("whsec_MDEyMzQ1Njc4OWFiY2RlZg==")).is_empty());
    }

    /// `webhook-ingress` then refuses a stranger's request before it reads the body.
    #[test]
    fn authorization_proves_a_request_without_its_body_and_a_signature_does_not() {
        let by_secret = Webhook { proof: Proof::Authorization, ..standard::WEBHOOK };
        assert!(by_secret.is_proven_by_head());
        assert!(!standard::WEBHOOK.is_proven_by_head());
    }
}
