//! How to reach a Salesforce organization, by one of two flows:
//! <https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_client_credentials_flow.htm>,
//! <https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm>.

use std::time::Duration;

use provider_http::{Auth, ConfigError, ProviderHttpConfig};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::contact_id::normalised;
use super::{NAME, error_code};
use crate::Secret;

/// Limit of a reply: 2,000 contacts of about 700 bytes need more than the usual 1 MiB.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// The version of the REST API that this connector is written for.
const API: &str = "/services/data/v60.0/";

const TIMEOUT: Duration = Duration::from_secs(15);

/// After a used-up daily quota, the next try comes after this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(900);

/// How to reach an organization.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "SalesforceTable")]
pub struct SalesforceConfig {
    /// Where the API is.
    pub url: Url,
    /// Where tokens are issued.
    pub login_url: Url,
    /// How to authenticate.
    pub auth: SalesforceAuth,
    /// The organization's ID, whose events alone are read. `None`: those of any.
    pub organization: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SalesforceTable {
    /// The organization, as `https://my-domain.my.salesforce.com`.
    url: Url,
    /// Where to request tokens, if not at `url`. With `private_key` it may be `https://login.salesforce.com`.
    login_url: Option<Url>,
    /// Consumer key of the connected app.
    client_id: String,
    /// Consumer secret, for the flow "client credentials".
    client_secret: Option<Secret>,
    /// RSA private key as PEM, whose certificate the connected app has, for the flow "JWT bearer".
    private_key: Option<Secret>,
    /// The user for whom we act. Needed with `private_key`.
    username: Option<String>,
    /// The audience of the assertion, with `private_key`: `https://test.salesforce.com` for a sandbox.
    audience: Option<String>,
    /// The organization's ID, `00D…`, to dead-letter events of any other, such as a sandbox's.
    organization: Option<String>,
}

impl TryFrom<SalesforceTable> for SalesforceConfig {
    type Error = &'static str;

    fn try_from(table: SalesforceTable) -> Result<Self, Self::Error> {
        let SalesforceTable {
            url,
            login_url,
            client_id,
            client_secret,
            private_key,
            username,
            audience,
            organization,
        } = table;
        let auth = match (client_secret, private_key) {
            (Some(_), Some(_)) => {
                return Err("client_secret and private_key are both set: leave out one of them");
            }
            (None, None) => return Err("set client_secret, or private_key and username"),
            (Some(_), None) if username.is_some() || audience.is_some() => {
                return Err("username and audience need private_key");
            }
            (Some(client_secret), None) => SalesforceAuth::ClientCredentials { client_id, client_secret },
            (None, Some(private_key)) => {
                let username = username.ok_or("private_key needs username")?;
                let audience = audience.unwrap_or_else(|| String::from("https://login.salesforce.com"));
                SalesforceAuth::JwtBearer { client_id, username, audience, private_key }
            }
        };
        if organization.as_deref().is_some_and(|id| !is_organization_id(id)) {
            return Err("organization must be the ID of an organization, 00D…");
        }
        Ok(Self { login_url: login_url.unwrap_or_else(|| url.clone()), url, auth, organization })
    }
}

impl JsonSchema for SalesforceConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SalesforceConfig".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        SalesforceTable::json_schema(generator)
    }
}

/// How a connected app authenticates.
#[derive(Debug, Clone)]
pub enum SalesforceAuth {
    /// OAuth client credentials; acts as the user that the connected app is set up to run as.
    ClientCredentials {
        /// Consumer key.
        client_id: String,
        /// Consumer secret.
        client_secret: Secret,
    },
    /// A signed assertion instead of a secret.
    JwtBearer {
        /// Consumer key: the assertion's issuer.
        client_id: String,
        /// The user for whom we act: the assertion's subject.
        username: String,
        /// `https://login.salesforce.com`, or `https://test.salesforce.com` for a sandbox.
        audience: String,
        /// RSA private key, as PEM, whose certificate the connected app has.
        private_key: Secret,
    },
}

impl SalesforceConfig {
    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let refused = || ConfigError::BaseUrl { upstream: NAME };
        let api = self.url.join(API).map_err(|_| refused())?;
        let token_url = self.login_url.join("/services/oauth2/token").map_err(|_| refused())?;
        let mut http = ProviderHttpConfig::new(NAME, api, self.auth.at(token_url));
        http.max_body_bytes = MAX_BODY_BYTES;
        http.timeout = TIMEOUT;
        http.longest_pause = LONGEST_PAUSE;
        http.read_error = Some(error_code::read_error);
        Ok(http)
    }
}

/// True for the ID of an organization, in either spelling.
fn is_organization_id(text: &str) -> bool {
    text.starts_with("00D") && normalised(text).is_some()
}

impl SalesforceAuth {
    fn at(self, token_url: Url) -> Auth {
        match self {
            Self::ClientCredentials { client_id, client_secret } => Auth::ClientCredentials {
                token_url,
                client_id,
                client_secret: client_secret.0,
                audience: None,
                scope: None,
                in_header: false,
            },
            Self::JwtBearer { client_id, username, audience, private_key } => Auth::JwtBearer {
                token_url,
                issuer: client_id,
                subject: username,
                audience,
                key_pem: private_key.0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_flows_get_tokens_from_the_login_host_and_call_the_instance() {
        let url = |url: &str| url.parse::<Url>().unwrap();
        let of = |auth| {
            let login = url("https://login.salesforce.example");
            let url = url("https://orchard.example");
            SalesforceConfig { url, login_url: login, auth, organization: None }.http().unwrap()
        };
        let token_url_expected = url("https://login.salesforce.example/services/oauth2/token");
        let secret = SalesforceAuth::ClientCredentials { client_id: "key".into(), client_secret: "s".into() };
        let http = of(secret);
        assert_eq!(http.base_url, url("https://orchard.example/services/data/v60.0/"));
        assert!(
            matches!(http.auth, Auth::ClientCredentials { token_url, .. } if token_url == token_url_expected)
        );
        let signed = SalesforceAuth::JwtBearer {
            client_id: "key".into(),
            username: "sync@orchard.example".into(),
            audience: "https://login.salesforce.com".into(),
            private_key: "pem".into(),
        };
        let Auth::JwtBearer { token_url, issuer, subject, audience, .. } = of(signed).auth else {
            panic!("another flow")
        };
        assert_eq!((token_url, issuer.as_str()), (token_url_expected, "key"));
        assert_eq!(
            (subject.as_str(), audience.as_str()),
            ("sync@orchard.example", "https://login.salesforce.com")
        );
    }
}
