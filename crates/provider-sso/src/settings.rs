//! Which identity provider, and how to reach it: the settings of every unit that calls one.
//!
//! In: the process's settings. Out: a client. The reader lists every setting that is missing or wrong.

use std::time::Duration;

use ::settings::{Reader, Setting};
use provider_http::{Admission, ConfigError};

use crate::SsoClient;
use crate::auth0::settings as auth0;
use crate::okta::settings as okta;
use crate::scim::settings as scim;
use crate::sso_client::{Choice, ProviderName};

const PROVIDER: Setting =
    Setting::required("COPPICE_SSO_PROVIDER", "the identity provider: auth0, okta or scim");
const TIMEOUT: Setting =
    Setting::with_default("COPPICE_SSO_TIMEOUT_SECS", "10", "longest wait for one answer of the provider");

/// All of them, for `--help` and the documentation.
pub const SSO_SETTINGS: &[Setting] = &[
    PROVIDER,
    TIMEOUT,
    auth0::URL,
    auth0::CLIENT_ID,
    auth0::CLIENT_SECRET,
    auth0::AUDIENCE,
    okta::URL,
    okta::API_TOKEN,
    okta::CLIENT_ID,
    okta::PRIVATE_KEY,
    scim::URL,
    scim::TOKEN,
];

/// The chosen provider's settings.
#[derive(Debug, Clone)]
pub struct SsoSettings {
    choice: Choice,
    timeout: Duration,
}

impl SsoSettings {
    /// Reads the provider's name, and then what that provider needs.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let timeout = reader.read_within(TIMEOUT, 1, 25).map(Duration::from_secs);
        let choice = match reader.read::<ProviderName>(PROVIDER)? {
            ProviderName::Auth0 => auth0::read(reader).map(Choice::Auth0),
            ProviderName::Okta => okta::read(reader).map(Choice::Okta),
            ProviderName::Scim => scim::read(reader).map(Choice::Scim),
        };
        Some(Self { choice: choice?, timeout: timeout? })
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// When a URL is not a web address, or a key is no key.
    pub fn connect(self) -> Result<SsoClient, ConfigError> {
        self.connect_with(None)
    }

    /// The same, but each request waits for an admission.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_within(self, budget: Admission) -> Result<SsoClient, ConfigError> {
        self.connect_with(Some(budget))
    }

    fn connect_with(self, admission: Option<Admission>) -> Result<SsoClient, ConfigError> {
        self.choice.connect(|limits| {
            limits.timeout = self.timeout;
            limits.admission = admission;
        })
    }
}
