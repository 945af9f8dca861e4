//! What a client needs to know about its provider.
//!
//! In: settings that the binary has read. This module must not read the environment.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

/// Settings of one provider's HTTP client. Its `Debug` redacts secrets, as [`SecretString`] does.
#[derive(Debug, Clone)]
pub struct ProviderHttpConfig {
    /// Name of the provider in logs and metrics: `auth0`.
    pub upstream: &'static str,
    /// Where paths start. A path in it is kept: `https://idp.example/scim/v2`.
    pub base_url: Url,
    /// How to authenticate.
    pub auth: Auth,
    /// Limit of one exchange, from connecting to the last byte of the body.
    pub timeout: Duration,
    /// Limit of connecting alone, TLS included.
    pub connect_timeout: Duration,
    /// Requests in flight at once; more callers wait for their turn.
    pub max_concurrent: usize,
    /// The `User-Agent` that the provider's support staff will see.
    pub user_agent: String,
}

impl ProviderHttpConfig {
    /// Settings with the usual limits: 10 s for an exchange, 3 s to connect, 16 requests at once.
    #[must_use]
    pub fn new(upstream: &'static str, base_url: Url, auth: Auth) -> Self {
        Self {
            upstream,
            base_url,
            auth,
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            max_concurrent: 16,
            user_agent: concat!("coppice/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// How a request proves who sends it.
#[derive(Debug, Clone)]
pub enum Auth {
    /// A fixed token, as SCIM servers give out. A 401 is final: there is no way to renew it.
    Bearer(SecretString),
    /// OAuth 2.0 client credentials, <https://www.rfc-editor.org/rfc/rfc6749#section-4.4>. The token is cached.
    ClientCredentials {
        /// Token endpoint.
        token_url: Url,
        /// OAuth client.
        client_id: String,
        /// Its secret, sent in the body as Auth0 does it.
        client_secret: SecretString,
        /// The API that the token is for: an Auth0 addition, `https://{tenant}/api/v2/`.
        audience: Option<String>,
    },
}
