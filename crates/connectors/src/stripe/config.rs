//! How to reach Stripe, and the settings of its HTTP client.

use provider_http::{Auth, Codes, ConfigError, ProviderHttpConfig};
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use url::Url;

use super::NAME;
use super::account::is_account_id;
use crate::Secret;

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
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StripeConfig {
    /// Where `/v1` lives. Left out: Stripe's API, for test mode and live mode alike; the key tells them apart.
    #[serde(default = "default_url")]
    pub url: Url,
    /// A restricted key that may read "Verification Sessions and Reports":
    /// <https://docs.stripe.com/identity/access-verification-results#create-restricted-key>.
    pub api_key: Secret,
    /// The connected account to read, `acct_…`, if it is not the key's own. Events of other accounts are dead-lettered.
    #[serde(default, deserialize_with = "account")]
    pub account: Option<String>,
    /// Whether to read the date of birth. The key must be allowed to see it, or Stripe refuses the whole session.
    #[serde(default)]
    pub date_of_birth: bool,
}

fn default_url() -> Url {
    // <https://docs.stripe.com/api>
    Url::parse("https://api.stripe.com").unwrap_or_else(|error| unreachable!("a test reads it: {error}"))
}

fn account<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let account = Option::<String>::deserialize(deserializer)?;
    if account.as_deref().is_some_and(|account| !is_account_id(account)) {
        return Err(D::Error::custom("account must be the ID of an account, acct_…"));
    }
    Ok(account)
}

impl StripeConfig {
    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let mut http = ProviderHttpConfig::new(NAME, self.url, Auth::Bearer(self.api_key.0));
        http.codes = Some(CODES);
        // <https://docs.stripe.com/connect/authentication#stripe-account-header>
        http.headers.extend(self.account.map(|account| ("Stripe-Account".into(), account)));
        Ok(http)
    }
}
