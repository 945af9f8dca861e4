//! Signed assertions: a short-lived JWT that stands for a secret, <https://www.rfc-editor.org/rfc/rfc7523#section-3>.
//!
//! In: a private key and claims. Out: one JWT, to be sent once. The key is read when the client is made, so that the
//! process finds a wrong key at start-up. No error quotes the key, or says what is wrong with it.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::ProviderError;

/// Life of an assertion. Salesforce accepts no longer life, and the client sends an assertion at once.
const LIFE: Duration = Duration::from_secs(180);

/// The claims that RFC 7523 requires. There is no `iat`: it is optional, and if our clock is a second ahead, the provider
/// refuses an assertion of the future.
#[derive(Serialize)]
pub(crate) struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<Uuid>,
}

impl<'a> Claims<'a> {
    /// Claims that expire three minutes after `now`.
    pub(crate) fn new(iss: &'a str, sub: &'a str, aud: &'a str, now: OffsetDateTime) -> Self {
        Self { iss, sub, aud, exp: (now + LIFE).unix_timestamp(), jti: None }
    }

    /// The same with an ID, which `OpenID` Connect requires of a client's assertion:
    /// <https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication>.
    pub(crate) fn with_id(self) -> Self {
        Self { jti: Some(Uuid::now_v7()), ..self }
    }
}

/// An RSA key that has signed once.
pub(crate) struct Signer {
    key: EncodingKey,
}

impl Signer {
    /// Reads a key and signs with it once, since a PEM may frame anything. `None`: the key does not sign.
    pub(crate) fn new(key_pem: &SecretString) -> Option<Self> {
        let key = EncodingKey::from_rsa_pem(key_pem.expose_secret().as_bytes()).ok()?;
        let signer = Self { key };
        signer.sign(&Claims::new("", "", "", OffsetDateTime::UNIX_EPOCH)).ok()?;
        Some(signer)
    }

    /// The claims as a JWT with RS256.
    ///
    /// # Errors
    /// [`ProviderError::Unauthorized`] when the key does not sign; [`Self::new`] has ruled that out.
    pub(crate) fn sign(&self, claims: &Claims<'_>) -> Result<SecretString, ProviderError> {
        encode(&Header::new(Algorithm::RS256), claims, &self.key)
            .map(SecretString::from)
            .map_err(|_| ProviderError::Unauthorized)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_key_is_found_before_it_is_used() {
        let framed = |label: &str| format!("-----BEGIN {label}-----\nbWFyYQ==\n-----END {label}-----\n");
        for pem in [String::new(), "s3cret".to_owned(), framed("PRIVATE KEY"), framed("PUBLIC KEY")] {
            assert!(Signer::new(&pem.as_str().into()).is_none(), "{pem}");
        }
    }

    #[test]
    fn an_assertion_lives_three_minutes() {
        let claims = Claims::new("i", "s", "a", OffsetDateTime::UNIX_EPOCH);
        let expected = r#"{"iss":"i","sub":"s","aud":"a","exp":180}"#;
        assert_eq!(serde_json::to_string(&claims).unwrap(), expected);
    }
}
