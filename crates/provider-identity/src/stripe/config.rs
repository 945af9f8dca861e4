//! How to reach Stripe, and the settings of its HTTP client.

use provider_http::{Auth, ConfigError, ProviderHttpConfig};
use secrecy::SecretString;
use url::Url;

use super::SOURCE;

/// How to reach an account.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// Where `/v1` lives. Default: [`Self::DEFAULT_BASE_URL`].
    pub base_url: Url,
    /// A restricted key that may read "Verification Sessions and Reports":
    /// <https://docs.stripe.com/identity/access-verification-results#create-restricted-key>.
    pub api_key: SecretString,
    /// True to request the date of birth too. The key must be allowed to see it, or Stripe refuses the whole session.
    pub date_of_birth: bool,
}

impl StripeConfig {
    /// The API, for test mode and live mode alike; the key tells them apart: <https://docs.stripe.com/api>.
    pub const DEFAULT_BASE_URL: &str = "https://api.stripe.com";

    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        Ok(ProviderHttpConfig::new(SOURCE, self.base_url, Auth::Bearer(self.api_key)))
    }
}
