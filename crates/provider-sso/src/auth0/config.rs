//! How to reach a tenant, and the settings of its HTTP client.

use provider_http::{Auth, Codes, ConfigError, ProviderHttpConfig};
use secrecy::SecretString;
use url::Url;

use super::SOURCE;
use super::sign_in::SignInTypes;

/// <https://auth0.com/docs/api/management/v2/users/get-users-by-id>, and the pages beside it.
const CODES: Codes = Codes {
    pointer: "/errorCode",
    listed: &[
        "inexistent_user",
        "insufficient_scope",
        "invalid_body",
        "invalid_paging",
        "invalid_query_string",
        "invalid_uri",
        "operation_not_supported",
    ],
};

/// How to reach a tenant.
#[derive(Debug, Clone)]
pub struct Auth0Config {
    /// The tenant: `https://{tenant}.{region}.auth0.com/`.
    pub domain: Url,
    /// A machine-to-machine application that is authorized for the Management API.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// Identifier of the Management API. Default: `{domain}/api/v2/`. It differs if `domain` is a custom domain.
    pub audience: Option<String>,
    /// Which entries of the log count as sign-ins.
    pub sign_ins: SignInTypes,
}

impl Auth0Config {
    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let within = |path| self.domain.join(path).map_err(|_| ConfigError::BaseUrl { upstream: SOURCE });
        let api = within("/api/v2/")?;
        let auth = Auth::ClientCredentials {
            token_url: within("/oauth/token")?,
            client_id: self.client_id,
            client_secret: self.client_secret,
            audience: Some(self.audience.unwrap_or_else(|| api.to_string())),
            scope: None,
        };
        let mut http = ProviderHttpConfig::new(SOURCE, api, auth);
        http.codes = Some(CODES);
        Ok(http)
    }
}
