//! How to reach a tenant, and the settings of its HTTP client.

use provider_http::{Auth, Codes, ConfigError, ProviderHttpConfig};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::NAME;
use super::sign_in::SignInTypes;
use crate::Secret;

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

/// Limit of a reply: a page of users with large metadata needs more than the usual 1 MiB.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// How to reach a tenant.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth0Config {
    /// The tenant, as `https://tenant.region.auth0.com`.
    pub url: Url,
    /// A machine-to-machine application with the scope `read:users`, and for sign-ins `read:logs`.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// Identifier of the Management API, if it is not `<url>/api/v2/`, for example with a custom domain.
    pub audience: Option<String>,
    /// Types of log entries that count as sign-ins. The topology's rules are made from it.
    #[serde(default)]
    pub sign_ins: SignInTypes,
}

impl Auth0Config {
    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let within = |path| self.url.join(path).map_err(|_| ConfigError::BaseUrl { upstream: NAME });
        let api = within("/api/v2/")?;
        let auth = Auth::ClientCredentials {
            token_url: within("/oauth/token")?,
            client_id: self.client_id,
            client_secret: self.client_secret.0,
            audience: Some(self.audience.unwrap_or_else(|| api.to_string())),
            scope: None,
            in_header: false,
        };
        let mut http = ProviderHttpConfig::new(NAME, api, auth);
        http.codes = Some(CODES);
        http.max_body_bytes = MAX_BODY_BYTES;
        Ok(http)
    }
}
