//! Which identity provider, and how to reach it, from the environment: for every unit that calls one.

use std::time::Duration;

use ::settings::{Reader, SettingsError};
use provider_http::{Admission, ConfigError};

use crate::sso_client::{Choice, ProviderName};
use crate::{Auth0Config, EntraConfig, OktaConfig, ScimConfig, SsoClient};

::settings::declare! {
    /// The chosen provider's settings.
    #[derive(Debug, Clone)]
    pub struct SsoSettings;

    PROVIDER: ProviderName = "COPPICE_SSO_PROVIDER" [required] "the identity provider: auth0, entra, okta or scim";
    TIMEOUT: Duration = "COPPICE_SSO_TIMEOUT_SECS" [default "10", seconds 1..=25]
        "longest wait for one answer of the provider" => timeout;
    MAX_BODY_BYTES: usize = "COPPICE_SSO_MAX_BODY_BYTES" [default "4194304", within 65_536..=268_435_456]
        "largest answer of the provider that is read, in bytes" => max_body_bytes;
    PLAIN_HTTP: bool = "COPPICE_SSO_PLAIN_HTTP" [default "false"]
        "true allows http:// to another machine; use it only if something else encrypts, such as a service mesh" => plain_http;
    list Auth0Config;
    list EntraConfig;
    list OktaConfig;
    list ScimConfig;
    choice: Choice = by read_choice;
}

fn read_choice(reader: &Reader) -> Result<Choice, SettingsError> {
    match reader.read(PROVIDER)? {
        ProviderName::Auth0 => reader.load().map(Choice::Auth0),
        ProviderName::Entra => reader.load().map(Choice::Entra),
        ProviderName::Okta => reader.load().map(Choice::Okta),
        ProviderName::Scim => reader.load().map(Choice::Scim),
    }
}

impl SsoSettings {
    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// When a URL is not a web address, or a key is no key.
    pub fn connect(self) -> Result<SsoClient, ConfigError> {
        self.connect_with(None)
    }

    /// The same, but each request waits for an admission.
    pub fn connect_within(self, budget: Admission) -> Result<SsoClient, ConfigError> {
        self.connect_with(Some(budget))
    }

    fn connect_with(self, admission: Option<Admission>) -> Result<SsoClient, ConfigError> {
        self.choice.connect(|limits| {
            limits.timeout = self.timeout;
            limits.max_body_bytes = self.max_body_bytes;
            limits.max_body_setting = MAX_BODY_BYTES.name;
            limits.plain_http = self.plain_http;
            limits.admission = admission;
        })
    }
}
