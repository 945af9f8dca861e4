//! Which identity-verification provider, and how to reach it, from the environment. For every unit that calls one.

use std::time::Duration;

use ::settings::{Reader, Setting};
use provider_http::ConfigError;

use crate::identity_client::{Choice, ProviderName};
use crate::{IdentityClient, PersonaConfig, StripeConfig};

const PROVIDER: Setting =
    Setting::required("COPPICE_IDENTITY_PROVIDER", "the identity-verification provider: stripe or persona");
const TIMEOUT: Setting = Setting::with_default(
    "COPPICE_IDENTITY_TIMEOUT_SECS",
    "10",
    "longest wait for one answer of the identity-verification provider",
);
const STRIPE_URL: Setting =
    Setting::with_default("COPPICE_STRIPE_URL", StripeConfig::DEFAULT_BASE_URL, "Stripe's API");
const STRIPE_API_KEY: Setting = Setting::required(
    "COPPICE_STRIPE_API_KEY",
    "restricted key that may read verification sessions and their outputs",
);
const STRIPE_DATE_OF_BIRTH: Setting = Setting::with_default(
    "COPPICE_STRIPE_DATE_OF_BIRTH",
    "false",
    "whether to read the date of birth, true or false; Stripe refuses every session to a key that may not see it",
);
const PERSONA_URL: Setting =
    Setting::with_default("COPPICE_PERSONA_URL", PersonaConfig::DEFAULT_BASE_URL, "Persona's API");
const PERSONA_API_KEY: Setting =
    Setting::required("COPPICE_PERSONA_API_KEY", "API key of Persona's environment");

/// All of them, for `--help` and the documentation.
pub const IDENTITY_SETTINGS: &[Setting] =
    &[PROVIDER, TIMEOUT, STRIPE_URL, STRIPE_API_KEY, STRIPE_DATE_OF_BIRTH, PERSONA_URL, PERSONA_API_KEY];

/// The chosen provider's settings.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    choice: Choice,
    timeout: Duration,
}

impl IdentitySettings {
    /// Reads the provider's name, and then that provider's settings. `None` if one is missing or wrong; the reader keeps
    /// which, and why.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let timeout = reader.read_within(TIMEOUT, 1, 25).map(Duration::from_secs);
        let choice = match reader.read::<ProviderName>(PROVIDER)? {
            ProviderName::Stripe => read_stripe(reader).map(Choice::Stripe),
            ProviderName::Persona => read_persona(reader).map(Choice::Persona),
        };
        Some(Self { choice: choice?, timeout: timeout? })
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// When the URL is not a web address.
    pub fn connect(self) -> Result<IdentityClient, ConfigError> {
        self.choice.connect(|limits| limits.timeout = self.timeout)
    }
}

fn read_stripe(reader: &mut Reader) -> Option<StripeConfig> {
    let base_url = reader.read(STRIPE_URL);
    let api_key = reader.secret(STRIPE_API_KEY);
    let date_of_birth = reader.read(STRIPE_DATE_OF_BIRTH);
    Some(StripeConfig { base_url: base_url?, api_key: api_key?, date_of_birth: date_of_birth? })
}

fn read_persona(reader: &mut Reader) -> Option<PersonaConfig> {
    let base_url = reader.read(PERSONA_URL);
    let api_key = reader.secret(PERSONA_API_KEY);
    Some(PersonaConfig { base_url: base_url?, api_key: api_key? })
}
