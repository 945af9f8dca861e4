//! How to reach Persona, and the settings of its HTTP client.

use provider_http::{Auth, ConfigError, ProviderHttpConfig};
use secrecy::SecretString;
use url::Url;

use super::SOURCE;

/// The version that `record.rs` is written for.
const VERSION: &str = "2023-01-05";

/// How to reach an environment.
#[derive(Debug, Clone)]
pub struct PersonaConfig {
    /// Where `/api/v1` lives. Default: [`Self::DEFAULT_BASE_URL`].
    pub base_url: Url,
    /// An API key of the environment: <https://docs.withpersona.com/api-keys>.
    pub api_key: SecretString,
}

impl PersonaConfig {
    /// The API, for sandbox and production alike; the key tells them apart.
    pub const DEFAULT_BASE_URL: &str = "https://api.withpersona.com";

    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let mut http = ProviderHttpConfig::new(SOURCE, self.base_url, Auth::Bearer(self.api_key));
        // Without this header, each key has its own version: <https://docs.withpersona.com/versioning>.
        http.headers.push(("Persona-Version", VERSION.to_owned()));
        http.headers.push(("Key-Inflection", "snake".to_owned()));
        Ok(http)
    }
}
