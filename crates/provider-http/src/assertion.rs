//! Signed assertions: a short-lived JWT that stands for a secret, <https://www.rfc-editor.org/rfc/rfc7523#section-3>.
//! No error quotes the key, or says what is wrong with it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::ProviderError;

/// Life of an assertion. Salesforce accepts no longer life, and the client sends an assertion at once.
const LIFE: Duration = Duration::from_secs(180);

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
    pub(crate) fn new(iss: &'a str, sub: &'a str, aud: &'a str, now: OffsetDateTime) -> Self {
        // No `iat`: it is optional, and if our clock is a second ahead, the provider refuses an assertion of the future.
        Self { iss, sub, aud, exp: (now + LIFE).unix_timestamp(), jti: None }
    }

    pub(crate) fn with_id(self) -> Self {
        // `OpenID` Connect requires it: <https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication>.
        Self { jti: Some(Uuid::now_v7()), ..self }
    }
}

pub(crate) struct Signer {
    key: EncodingKey,
    header: Box<Header>,
}

impl Signer {
    /// `None`: the key does not sign.
    pub(crate) fn new(key_pem: &SecretString) -> Option<Self> {
        Self::with_header(key_pem, Header::new(Algorithm::RS256))
    }

    /// A signer whose assertions name this certificate of the key, by the SHA-256 of its DER:
    /// <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>. `None`: the key does not sign, or the
    /// certificate is none.
    pub(crate) fn with_certificate(key_pem: &SecretString, certificate_pem: &str) -> Option<Self> {
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes()).ok()?;
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate));
        let header = Header { x5t_s256: Some(thumbprint), ..Header::new(Algorithm::PS256) };
        Self::with_header(key_pem, header)
    }

    fn with_header(key_pem: &SecretString, header: Header) -> Option<Self> {
        let key = EncodingKey::from_rsa_pem(key_pem.expose_secret().as_bytes()).ok()?;
        let signer = Self { key, header: Box::new(header) };
        // A PEM may frame anything: the process finds a wrong key at start-up.
        signer.sign(&Claims::new("", "", "", OffsetDateTime::UNIX_EPOCH)).ok()?;
        Some(signer)
    }

    pub(crate) fn sign(&self, claims: &Claims<'_>) -> Result<SecretString, ProviderError> {
        // The key has signed once, so this does not fail.
        encode(&self.header, claims, &self.key)
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
