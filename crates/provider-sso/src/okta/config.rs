//! How to reach an organization, and the settings of its HTTP client.

use provider_http::{Auth, Codes, ConfigError, ProviderHttpConfig};
use secrecy::SecretString;
use url::Url;

use super::SOURCE;

/// The smallest scopes (<https://developer.okta.com/docs/api/oauth2/>). An app that has only one of them gets no token.
const SCOPE: &str = "okta.users.read okta.logs.read";

/// <https://developer.okta.com/docs/reference/error-codes/>, those that a read can meet.
const CODES: Codes = Codes {
    pointer: "/errorCode",
    listed: &[
        "E0000001", "E0000002", "E0000003", "E0000005", "E0000006", "E0000007", "E0000008", "E0000009",
        "E0000022", "E0000028", "E0000031", "E0000053", "E0000088",
    ],
};

/// How to reach an organization.
#[derive(Debug, Clone)]
pub struct OktaConfig {
    /// The organization: `https://{org}.okta.com/`.
    pub org_url: Url,
    /// How to authenticate.
    pub auth: OktaAuth,
}

/// How to authenticate. Give either way no more rights than `okta.users.read` and `okta.logs.read`.
#[derive(Debug, Clone)]
pub enum OktaAuth {
    /// An API token. It has its owner's rights, and expires if it is not used for 30 days:
    /// <https://developer.okta.com/docs/guides/create-an-api-token/main/>.
    ApiToken(SecretString),
    /// A service app with its own key, without "proof of possession":
    /// <https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/>.
    PrivateKey {
        /// The app.
        client_id: String,
        /// Its private key, as PEM.
        key_pem: SecretString,
    },
}

impl OktaConfig {
    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let within = |path| self.org_url.join(path).map_err(|_| ConfigError::BaseUrl { upstream: SOURCE });
        let api = within("/api/v1/")?;
        let auth = match self.auth {
            OktaAuth::ApiToken(token) => Auth::Scheme { scheme: "SSWS", token },
            OktaAuth::PrivateKey { client_id, key_pem } => Auth::PrivateKeyJwt {
                token_url: within("/oauth2/v1/token")?,
                client_id,
                key_pem,
                certificate_pem: None,
                scope: SCOPE.to_owned(),
            },
        };
        let mut http = ProviderHttpConfig::new(SOURCE, api, auth);
        http.codes = Some(CODES);
        Ok(http)
    }
}
