//! How to reach a Salesforce organization, by one of two flows:
//! <https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_client_credentials_flow.htm>,
//! <https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm>.

use provider_http::{Auth, ConfigError, ProviderHttpConfig};
use secrecy::SecretString;
use url::Url;

use super::contact_id::normalised;
use super::{SOURCE, error_code};

/// Limit of a reply: 2,000 contacts of about 700 bytes need more than the usual 1 MiB.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// How to reach an organization.
#[derive(Debug, Clone)]
pub struct SalesforceConfig {
    /// Where tokens are issued: `https://{my-domain}.my.salesforce.com`. For the JWT flow also `https://login.salesforce.com`.
    pub login_url: Url,
    /// Where the API is: `https://{my-domain}.my.salesforce.com`.
    pub instance_url: Url,
    /// How to authenticate.
    pub auth: SalesforceAuth,
    /// The organization's ID, whose events alone are read. `None`: those of any.
    pub organization: Option<String>,
    /// Version of the REST API: digits and a dot.
    pub api_version: String,
}

/// How a connected app authenticates.
#[derive(Debug, Clone)]
pub enum SalesforceAuth {
    /// OAuth client credentials; acts as the user that the connected app is set up to run as.
    ClientCredentials {
        /// Consumer key.
        client_id: String,
        /// Consumer secret.
        client_secret: SecretString,
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
        key_pem: SecretString,
    },
}

impl SalesforceConfig {
    /// The version of the REST API that this crate is written for.
    pub const DEFAULT_API_VERSION: &'static str = "60.0";

    /// Settings with the usual API version.
    pub fn new(login_url: Url, instance_url: Url, auth: SalesforceAuth) -> Self {
        let api_version = Self::DEFAULT_API_VERSION.to_owned();
        Self { login_url, instance_url, auth, organization: None, api_version }
    }

    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let refused = || ConfigError::BaseUrl { upstream: SOURCE };
        if !self.api_version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(refused());
        }
        let api = format!("/services/data/v{}/", self.api_version);
        let api = self.instance_url.join(&api).map_err(|_| refused())?;
        let token_url = self.login_url.join("/services/oauth2/token").map_err(|_| refused())?;
        let mut http = ProviderHttpConfig::new(SOURCE, api, self.auth.at(token_url));
        http.max_body_bytes = MAX_BODY_BYTES;
        http.read_error = Some(error_code::read_error);
        Ok(http)
    }
}

/// True for the ID of an organization, in either spelling.
pub(crate) fn is_organization_id(text: &str) -> bool {
    text.starts_with("00D") && normalised(text).is_some()
}

impl SalesforceAuth {
    fn at(self, token_url: Url) -> Auth {
        match self {
            Self::ClientCredentials { client_id, client_secret } => {
                Auth::ClientCredentials { token_url, client_id, client_secret, audience: None, scope: None }
            }
            Self::JwtBearer { client_id, username, audience, key_pem } => {
                Auth::JwtBearer { token_url, issuer: client_id, subject: username, audience, key_pem }
            }
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
            SalesforceConfig::new(login, url("https://orchard.example"), auth).http().unwrap()
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
            key_pem: "pem".into(),
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
