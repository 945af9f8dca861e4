//! Which identity provider, and how to reach it.

use std::time::Duration;

use provider_http::ProviderHttpConfig;
use provider_sso::{Auth0Client, Auth0Config, ScimClient, ScimConfig, SsoClient};
use settings::{Reader, Setting};

const PROVIDER: Setting = Setting::required("COPPICE_SSO_PROVIDER", "the identity provider: auth0 or scim");
const TIMEOUT: Setting =
    Setting::with_default("COPPICE_SSO_TIMEOUT_SECS", "10", "longest wait for one answer of the provider");
const AUTH0_URL: Setting =
    Setting::required("COPPICE_AUTH0_URL", "the tenant, as https://tenant.region.auth0.com (provider auth0)");
const AUTH0_CLIENT_ID: Setting = Setting::required(
    "COPPICE_AUTH0_CLIENT_ID",
    "machine-to-machine application with scope read:users (provider auth0)",
);
const AUTH0_CLIENT_SECRET: Setting =
    Setting::required("COPPICE_AUTH0_CLIENT_SECRET", "its secret (provider auth0)");
const AUTH0_AUDIENCE: Setting = Setting::with_default(
    "COPPICE_AUTH0_AUDIENCE",
    "",
    "audience of the Management API, where it is not <url>/api/v2/: a tenant with a custom domain (provider auth0)",
);
const SCIM_URL: Setting = Setting::required(
    "COPPICE_SCIM_URL",
    "base of the SCIM 2.0 service, as https://idp.example/scim/v2 (provider scim)",
);
const SCIM_TOKEN: Setting = Setting::required("COPPICE_SCIM_TOKEN", "bearer token (provider scim)");

/// All of them, for `--help` and the documentation.
pub const SSO_SETTINGS: &[Setting] = &[
    PROVIDER,
    TIMEOUT,
    AUTH0_URL,
    AUTH0_CLIENT_ID,
    AUTH0_CLIENT_SECRET,
    AUTH0_AUDIENCE,
    SCIM_URL,
    SCIM_TOKEN,
];

/// The chosen provider's settings.
#[derive(Debug, Clone)]
pub struct SsoSettings {
    choice: Choice,
    timeout: Duration,
}

#[derive(Debug, Clone)]
enum Choice {
    Auth0(Auth0Config),
    Scim(ScimConfig),
}

impl SsoSettings {
    /// Reads the provider's name, and then what that provider needs.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let timeout = reader.read_within(TIMEOUT, 1, 25).map(Duration::from_secs);
        let choice = match reader.read::<ProviderName>(PROVIDER)? {
            ProviderName::Auth0 => {
                let url = reader.read(AUTH0_URL);
                let client_id = reader.read(AUTH0_CLIENT_ID);
                let client_secret = reader.secret(AUTH0_CLIENT_SECRET);
                let audience = reader.read(AUTH0_AUDIENCE);
                Choice::Auth0(Auth0Config {
                    domain: url?,
                    client_id: client_id?,
                    client_secret: client_secret?,
                    audience: Some(audience?).filter(|audience: &String| !audience.is_empty()),
                })
            }
            ProviderName::Scim => {
                let (url, token) = (reader.read(SCIM_URL), reader.secret(SCIM_TOKEN));
                Choice::Scim(ScimConfig { base_url: url?, token: token? })
            }
        };
        Some(Self { choice, timeout: timeout? })
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// When a URL is not a web address.
    pub fn connect(self) -> anyhow::Result<SsoClient> {
        let limits = |config: &mut ProviderHttpConfig| config.timeout = self.timeout;
        Ok(match self.choice {
            Choice::Auth0(config) => SsoClient::Auth0(Auth0Client::with_limits(config, limits)?),
            Choice::Scim(config) => SsoClient::Scim(ScimClient::with_limits(config, limits)?),
        })
    }
}

enum ProviderName {
    Auth0,
    Scim,
}

impl std::str::FromStr for ProviderName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auth0" => Ok(Self::Auth0),
            "scim" => Ok(Self::Scim),
            _ => Err("not one of auth0, scim"),
        }
    }
}
