//! How to reach an organization, and the settings of its HTTP client.

use provider_http::{Auth, Codes, ConfigError, ProviderHttpConfig};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::NAME;
use crate::Secret;

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

/// Limit of a reply: a page of users with large metadata needs more than the usual 1 MiB.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// How to reach an organization.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "OktaTable")]
pub struct OktaConfig {
    /// The organization.
    pub url: Url,
    /// How to authenticate.
    pub auth: OktaAuth,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OktaTable {
    /// The organization, as `https://org.okta.com`.
    url: Url,
    /// API token, if there is no service app.
    api_token: Option<Secret>,
    /// Service app with the scopes `okta.users.read` and `okta.logs.read`, without proof of possession.
    client_id: Option<String>,
    /// The service app's private key, as PEM.
    private_key: Option<Secret>,
}

impl TryFrom<OktaTable> for OktaConfig {
    type Error = &'static str;

    fn try_from(table: OktaTable) -> Result<Self, Self::Error> {
        let OktaTable { url, api_token, client_id, private_key } = table;
        // Neither way is the default: neither way, half of one, or both are faults.
        let auth = match (api_token, client_id, private_key) {
            (Some(token), None, None) => OktaAuth::ApiToken(token),
            (None, Some(client_id), Some(private_key)) => OktaAuth::PrivateKey { client_id, private_key },
            (Some(_), _, _) => {
                return Err(
                    "api_token is set together with a service app: leave out api_token, or client_id and private_key",
                );
            }
            (None, Some(_), None) => return Err("client_id needs private_key"),
            (None, None, Some(_)) => return Err("private_key needs client_id"),
            (None, None, None) => return Err("set api_token, or client_id and private_key of a service app"),
        };
        Ok(Self { url, auth })
    }
}

impl JsonSchema for OktaConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OktaConfig".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        OktaTable::json_schema(generator)
    }
}

/// How to authenticate. Give either way no more rights than `okta.users.read` and `okta.logs.read`.
#[derive(Debug, Clone)]
pub enum OktaAuth {
    /// An API token. It has its owner's rights, and expires if it is not used for 30 days:
    /// <https://developer.okta.com/docs/guides/create-an-api-token/main/>.
    ApiToken(Secret),
    /// A service app with its own key, without "proof of possession":
    /// <https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/>.
    PrivateKey {
        /// The app.
        client_id: String,
        /// Its private key, as PEM.
        private_key: Secret,
    },
}

impl OktaConfig {
    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let within = |path| self.url.join(path).map_err(|_| ConfigError::BaseUrl { upstream: NAME });
        let api = within("/api/v1/")?;
        let auth = match self.auth {
            OktaAuth::ApiToken(token) => Auth::Scheme { scheme: "SSWS", token: token.0 },
            OktaAuth::PrivateKey { client_id, private_key } => Auth::PrivateKeyJwt {
                token_url: within("/oauth2/v1/token")?,
                client_id,
                key_pem: private_key.0,
                certificate_pem: None,
                scope: SCOPE.to_owned(),
            },
        };
        let mut http = ProviderHttpConfig::new(NAME, api, auth);
        http.codes = Some(CODES);
        http.max_body_bytes = MAX_BODY_BYTES;
        Ok(http)
    }
}
