//! How to reach Stripe, and the settings of its HTTP client.

use provider_http::{Auth, Codes, ConfigError, ProviderHttpConfig};
use secrecy::SecretString;
use url::Url;

use super::SOURCE;

/// <https://docs.stripe.com/error-codes>, those that a read can meet.
const CODES: Codes = Codes {
    pointer: "/error/code",
    listed: &[
        "account_invalid",
        "api_key_expired",
        "livemode_mismatch",
        "lock_timeout",
        "parameter_invalid_empty",
        "parameter_missing",
        "parameter_unknown",
        "platform_api_key_expired",
        "resource_missing",
        "secret_key_required",
        "testmode_charges_only",
        "url_invalid",
    ],
};

/// How to reach an account.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// Where `/v1` lives. Default: [`Self::DEFAULT_BASE_URL`].
    pub base_url: Url,
    /// A restricted key that may read "Verification Sessions and Reports":
    /// <https://docs.stripe.com/identity/access-verification-results#create-restricted-key>.
    pub api_key: SecretString,
    /// The connected account that is read, `acct_…`. `None`: the key's own account.
    pub account: Option<String>,
    /// True to request the date of birth too. The key must be allowed to see it, or Stripe refuses the whole session.
    pub date_of_birth: bool,
}

impl StripeConfig {
    /// The API, for test mode and live mode alike; the key tells them apart: <https://docs.stripe.com/api>.
    pub const DEFAULT_BASE_URL: &str = "https://api.stripe.com";

    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let mut http = ProviderHttpConfig::new(SOURCE, self.base_url, Auth::Bearer(self.api_key));
        http.codes = Some(CODES);
        // <https://docs.stripe.com/connect/authentication#stripe-account-header>
        http.headers.extend(self.account.map(|account| ("Stripe-Account", account)));
        Ok(http)
    }
}
