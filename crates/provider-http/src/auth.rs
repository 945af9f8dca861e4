//! The ways in which a request proves who sends it: settings that the binary has read.

use secrecy::SecretString;
use url::Url;

/// How a request proves who sends it. Its `Debug` redacts secrets, as [`SecretString`] does.
#[derive(Debug, Clone)]
pub enum Auth {
    /// None: the network decides who may ask.
    None,
    /// A name and a password, <https://www.rfc-editor.org/rfc/rfc7617>. A 401 is final.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A header of the API's own. A 401 is final.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: SecretString,
    },
    /// A fixed token, as SCIM servers issue them. A 401 is final, since the client cannot renew the token.
    Bearer(SecretString),
    /// A fixed token with another scheme than `Bearer`: Okta's `SSWS xyz`,
    /// <https://developer.okta.com/docs/reference/core-okta-api/#authentication>. A 401 is final.
    Scheme {
        /// The word before the token.
        scheme: &'static str,
        /// The token.
        token: SecretString,
    },
    /// OAuth 2.0 client credentials, <https://www.rfc-editor.org/rfc/rfc6749#section-4.4>. The token is cached.
    ClientCredentials {
        /// Token endpoint.
        token_url: Url,
        /// OAuth client.
        client_id: String,
        /// Its secret, sent in the body as Auth0's documentation does.
        client_secret: SecretString,
        /// The API that the token is for: an Auth0 addition, `https://{tenant}/api/v2/`.
        audience: Option<String>,
        /// The scopes to request, separated by spaces.
        scope: Option<String>,
        /// Client and secret go into the header `Authorization`, and not into the body:
        /// <https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1>.
        in_header: bool,
    },
    /// A signed assertion as the grant, <https://www.rfc-editor.org/rfc/rfc7523#section-2.1>: Salesforce. The token is cached.
    JwtBearer {
        /// Token endpoint.
        token_url: Url,
        /// `iss`: Salesforce's consumer key.
        issuer: String,
        /// `sub`: the user for whom we act.
        subject: String,
        /// `aud`: `https://login.salesforce.com` or `https://test.salesforce.com`.
        audience: String,
        /// RSA private key, as PEM. Signs with RS256.
        key_pem: SecretString,
    },
    /// `private_key_jwt`, a signed assertion: <https://www.rfc-editor.org/rfc/rfc7523#section-2.2>. The token is cached.
    PrivateKeyJwt {
        /// Token endpoint; also the assertion's `aud`.
        token_url: Url,
        /// OAuth client: `iss` and `sub`.
        client_id: String,
        /// RSA private key, as PEM. Signs with RS256, as Okta requires, or with PS256 if there is a certificate.
        key_pem: SecretString,
        /// The key's X.509 certificate, as PEM. The assertion names it by its thumbprint, as Microsoft Entra ID requires.
        certificate_pem: Option<String>,
        /// The scopes to request, separated by spaces.
        scope: String,
    },
}

impl Auth {
    /// Where tokens are requested. `None`: nowhere.
    pub(crate) const fn token_url(&self) -> Option<&Url> {
        match self {
            Self::None | Self::Basic { .. } | Self::Header { .. } | Self::Bearer(_) | Self::Scheme { .. } => {
                None
            }
            Self::ClientCredentials { token_url, .. }
            | Self::JwtBearer { token_url, .. }
            | Self::PrivateKeyJwt { token_url, .. } => Some(token_url),
        }
    }
}
