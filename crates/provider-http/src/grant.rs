//! What a client sends to get a token, made from its settings. Keys are read here, once. No I/O.

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use url::Url;

use crate::assertion::{Claims, Signer};
use crate::auth::Auth;
use crate::credential::Credential;
use crate::error::{ConfigError, ProviderError};

/// <https://www.rfc-editor.org/rfc/rfc7523#section-2.1>
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// <https://www.rfc-editor.org/rfc/rfc7523#section-2.2>
const JWT_CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(crate) enum Grant {
    Fixed(Result<Option<Credential>, ProviderError>),
    Asked { token_url: Url, with: Proof },
}

pub(crate) enum Proof {
    Secret {
        client_id: String,
        client_secret: SecretString,
        audience: Option<String>,
        scope: Option<String>,
        in_header: bool,
    },
    Assertion {
        issuer: String,
        subject: String,
        audience: String,
        signer: Signer,
    },
    ClientAssertion {
        client_id: String,
        scope: String,
        signer: Signer,
    },
}

/// The fields of a token request.
pub(crate) type Form = Vec<(&'static str, SecretString)>;

impl Grant {
    pub(crate) fn new(upstream: &'static str, auth: Auth) -> Result<Self, ConfigError> {
        let fixed = |credential: Result<Credential, ProviderError>| Ok(Self::Fixed(credential.map(Some)));
        let signer = |key_pem: &SecretString| Signer::new(key_pem).ok_or(ConfigError::Key { upstream });
        let (token_url, with) = match auth {
            Auth::None => return Ok(Self::Fixed(Ok(None))),
            Auth::Bearer(token) => return fixed(Credential::token("Bearer", &token)),
            Auth::Scheme { scheme, token } => return fixed(Credential::token(scheme, &token)),
            Auth::Basic { user, password } => {
                return fixed(Credential::basic(&user, password.expose_secret()));
            }
            Auth::Header { name, value } => return fixed(Credential::header(&name, &value)),
            Auth::ClientCredentials { token_url, client_id, client_secret, audience, scope, in_header } => {
                (token_url, Proof::Secret { client_id, client_secret, audience, scope, in_header })
            }
            Auth::JwtBearer { token_url, issuer, subject, audience, key_pem } => {
                (token_url, Proof::Assertion { issuer, subject, audience, signer: signer(&key_pem)? })
            }
            Auth::PrivateKeyJwt { token_url, client_id, key_pem, certificate_pem, scope } => {
                let signer = match certificate_pem {
                    None => signer(&key_pem)?,
                    Some(certificate) => Signer::with_certificate(&key_pem, &certificate)
                        .ok_or(ConfigError::Certificate { upstream })?,
                };
                (token_url, Proof::ClientAssertion { client_id, scope, signer })
            }
        };
        Ok(Self::Asked { token_url, with })
    }
}

impl Proof {
    /// What goes into the header of a token request.
    pub(crate) fn credential(&self) -> Result<Option<Credential>, ProviderError> {
        match self {
            Self::Secret { client_id, client_secret, in_header: true, .. } => {
                Credential::client(client_id, client_secret).map(Some)
            }
            Self::Secret { .. } | Self::Assertion { .. } | Self::ClientAssertion { .. } => Ok(None),
        }
    }

    pub(crate) fn form(&self, token_url: &Url, now: OffsetDateTime) -> Result<Form, ProviderError> {
        // An assertion is newly signed for each call.
        Ok(match self {
            // <https://www.rfc-editor.org/rfc/rfc6749#section-4.4.2>, with Auth0's `audience`.
            Self::Secret { client_id, client_secret, audience, scope, in_header } => {
                let mut fields = vec![("grant_type", "client_credentials".into())];
                if !in_header {
                    fields = client_credentials(client_id);
                    fields.push(("client_secret", client_secret.clone()));
                }
                fields.extend(audience.as_deref().map(|audience| ("audience", audience.into())));
                fields.extend(scope.as_deref().map(|scope| ("scope", scope.into())));
                fields
            }
            Self::Assertion { issuer, subject, audience, signer } => {
                let assertion = signer.sign(&Claims::new(issuer, subject, audience, now))?;
                vec![("grant_type", JWT_BEARER.into()), ("assertion", assertion)]
            }
            Self::ClientAssertion { client_id, scope, signer } => {
                let claims = Claims::new(client_id, client_id, token_url.as_str(), now).with_id();
                let mut fields = client_credentials(client_id);
                fields.push(("scope", scope.as_str().into()));
                fields.push(("client_assertion_type", JWT_CLIENT_ASSERTION.into()));
                fields.push(("client_assertion", signer.sign(&claims)?));
                fields
            }
        })
    }
}

fn client_credentials(client_id: &str) -> Form {
    vec![("grant_type", "client_credentials".into()), ("client_id", client_id.into())]
}
