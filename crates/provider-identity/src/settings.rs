//! Which identity-verification provider, and how to reach it, from the environment: for every unit that calls one.

use std::time::Duration;

use ::settings::{Reader, SettingsError};
use provider_http::ConfigError;
use secrecy::SecretString;
use url::Url;

use crate::identity_client::{Choice, ProviderName};
use crate::{IdentityClient, PersonaConfig, StripeConfig, stripe};

::settings::declare! {
    /// The chosen provider's settings.
    #[derive(Debug, Clone)]
    pub struct IdentitySettings;

    PROVIDER: ProviderName = "COPPICE_IDENTITY_PROVIDER" [required]
        "the identity-verification provider: stripe or persona";
    TIMEOUT: Duration = "COPPICE_IDENTITY_TIMEOUT_SECS" [default "10", seconds 1..=25]
        "longest wait for one answer of the identity-verification provider" => timeout;
    MAX_BODY_BYTES: usize = "COPPICE_IDENTITY_MAX_BODY_BYTES" [default "1048576", within 65_536..=268_435_456]
        "largest answer of the identity-verification provider that is read, in bytes" => max_body_bytes;
    PLAIN_HTTP: bool = "COPPICE_IDENTITY_PLAIN_HTTP" [default "false"]
        "true allows http:// to another machine; use it only if something else encrypts, such as a service mesh" => plain_http;
    list StripeConfig;
    list PersonaConfig;
    choice: Choice = by read_choice;
}

::settings::declare! {
    impl StripeConfig;

    STRIPE_URL: Url = "COPPICE_STRIPE_URL" [default StripeConfig::DEFAULT_BASE_URL] "Stripe's API"
        => base_url;
    STRIPE_API_KEY: SecretString = "COPPICE_STRIPE_API_KEY" [required, secret]
        "restricted key that may read verification sessions and their outputs" => api_key;
    STRIPE_ACCOUNT: Option<String> = "COPPICE_STRIPE_ACCOUNT" [default "", optional parse parse_account]
        "the connected account to read, acct_…, if it is not the key's own; events of other accounts are dead-lettered"
        => account;
    STRIPE_DATE_OF_BIRTH: bool = "COPPICE_STRIPE_DATE_OF_BIRTH" [default "false"]
        "whether to read the date of birth, true or false; Stripe refuses every session to a key that may not see it"
        => date_of_birth;
}

::settings::declare! {
    impl PersonaConfig;

    PERSONA_URL: Url = "COPPICE_PERSONA_URL" [default PersonaConfig::DEFAULT_BASE_URL] "Persona's API"
        => base_url;
    PERSONA_API_KEY: SecretString = "COPPICE_PERSONA_API_KEY" [required, secret]
        "API key of Persona's environment" => api_key;
}

fn parse_account(text: &str) -> Result<String, &'static str> {
    if stripe::is_account_id(text) {
        Ok(text.to_owned())
    } else {
        Err("must be the ID of an account, acct_…")
    }
}

fn read_choice(reader: &Reader) -> Result<Choice, SettingsError> {
    match reader.read(PROVIDER)? {
        ProviderName::Stripe => reader.load().map(Choice::Stripe),
        ProviderName::Persona => reader.load().map(Choice::Persona),
    }
}

impl IdentitySettings {
    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// When the URL is not a web address.
    pub fn connect(self) -> Result<IdentityClient, ConfigError> {
        self.choice.connect(|limits| {
            limits.timeout = self.timeout;
            limits.max_body_bytes = self.max_body_bytes;
            limits.max_body_setting = MAX_BODY_BYTES.name;
            limits.plain_http = self.plain_http;
        })
    }
}
