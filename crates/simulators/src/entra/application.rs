//! A registered application: it acts for no user, and has the app roles that an administrator has granted.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The registration of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// A GUID.
    pub(crate) client_id: String,
    pub(crate) secret: Option<String>,
    /// The public key of its certificate, as PEM, and the certificate's thumbprint.
    certificate: Option<(String, String)>,
    /// The granted app roles.
    pub(crate) roles: Vec<String>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    jti: String,
}

impl Application {
    /// An application that may read users and the log of sign-ins, without a way to authenticate.
    pub fn new(client_id: &str) -> Self {
        let roles = ["User.Read.All", "AuditLog.Read.All"].map(str::to_owned).into();
        Self { client_id: client_id.to_owned(), secret: None, certificate: None, roles }
    }

    /// The same with these app roles alone.
    #[must_use]
    pub fn with_roles(self, roles: &[&str]) -> Self {
        Self { roles: roles.iter().map(|role| (*role).to_owned()).collect(), ..self }
    }

    /// The same with a secret.
    #[must_use]
    pub fn with_secret(self, secret: &str) -> Self {
        Self { secret: Some(secret.to_owned()), ..self }
    }

    /// The same with a certificate, and the public key in it.
    ///
    /// # Panics
    /// When the certificate is not framed as PEM.
    #[must_use]
    pub fn with_certificate(self, public_key_pem: &str, certificate_pem: &str) -> Self {
        let body: String = certificate_pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(body).expect("a certificate in PEM");
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(der));
        Self { certificate: Some((public_key_pem.to_owned(), thumbprint)), ..self }
    }

    /// `jti` of an assertion by this application, for this audience, that names its certificate and has not expired.
    pub(crate) fn assertion_id(&self, assertion: &str, audience: &str) -> Option<String> {
        let (public_key, thumbprint) = self.certificate.as_ref()?;
        let header = decode_header(assertion).ok()?;
        if header.x5t_s256.as_ref() != Some(thumbprint) {
            return None;
        }
        let mut validation = Validation::new(Algorithm::PS256);
        validation.leeway = 0;
        validation.set_audience(&[audience]);
        validation.set_issuer(&[&self.client_id]);
        validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
        let key = DecodingKey::from_rsa_pem(public_key.as_bytes()).ok()?;
        let claims = decode::<Claims>(assertion, &key, &validation).ok()?.claims;
        (claims.sub == self.client_id).then_some(claims.jti)
    }
}
