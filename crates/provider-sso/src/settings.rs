//! Which identity provider, and how to reach it, from the environment: for every binary that calls one.

use std::time::Duration;

use ::settings::{Reader, SettingsError};
use provider_http::{Admission, ConfigError, ProviderHttpConfig};

use crate::{Auth0Client, Auth0Config, OktaClient, OktaConfig, ScimClient, ScimConfig, SsoClient};

::settings::declare! {
    /// The chosen provider's settings.
    #[derive(Debug, Clone)]
    pub struct SsoSettings;

    PROVIDER: ProviderName = "COPPICE_SSO_PROVIDER" [required] "the identity provider: auth0, okta or scim";
    TIMEOUT: Duration = "COPPICE_SSO_TIMEOUT_SECS" [default "10", seconds 1..=25]
        "longest wait for one answer of the provider" => timeout;
    list Auth0Config;
    list OktaConfig;
    list ScimConfig;
    choice: Choice = by read_choice;
}

#[derive(Debug, Clone)]
enum Choice {
    Auth0(Auth0Config),
    Okta(OktaConfig),
    Scim(ScimConfig),
}

fn read_choice(reader: &Reader) -> Result<Choice, SettingsError> {
    match reader.read(PROVIDER)? {
        ProviderName::Auth0 => reader.load().map(Choice::Auth0),
        ProviderName::Okta => reader.load().map(Choice::Okta),
        ProviderName::Scim => reader.load().map(Choice::Scim),
    }
}

impl SsoSettings {
    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// When a URL is not a web address, or a key is none.
    pub fn connect(self) -> Result<SsoClient, ConfigError> {
        self.connect_with(None)
    }

    /// The same, of which each request waits for its admission.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_within(self, budget: Admission) -> Result<SsoClient, ConfigError> {
        self.connect_with(Some(budget))
    }

    fn connect_with(self, admission: Option<Admission>) -> Result<SsoClient, ConfigError> {
        let limits = |config: &mut ProviderHttpConfig| {
            config.timeout = self.timeout;
            config.admission = admission;
        };
        Ok(match self.choice {
            Choice::Auth0(config) => SsoClient::Auth0(Auth0Client::with_limits(config, limits)?),
            Choice::Okta(config) => SsoClient::Okta(OktaClient::with_limits(config, limits)?),
            Choice::Scim(config) => SsoClient::Scim(ScimClient::with_limits(config, limits)?),
        })
    }
}

enum ProviderName {
    Auth0,
    Okta,
    Scim,
}

impl std::str::FromStr for ProviderName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auth0" => Ok(Self::Auth0),
            "okta" => Ok(Self::Okta),
            "scim" => Ok(Self::Scim),
            _ => Err("not one of auth0, okta, scim"),
        }
    }
}
