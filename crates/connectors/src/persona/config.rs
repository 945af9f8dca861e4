//! How to reach Persona, and the settings of its HTTP client.

use provider_http::{Auth, ConfigError, ProviderHttpConfig};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::NAME;
use crate::Secret;

/// The version that `record.rs` is written for.
const VERSION: &str = "2023-01-05";

/// How to reach an environment.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonaConfig {
    /// Where `/api/v1` lives. Left out: Persona's API, for sandbox and production alike; the key tells them apart.
    #[serde(default = "default_url")]
    pub url: Url,
    /// An API key of the environment: <https://docs.withpersona.com/api-keys>.
    pub api_key: Secret,
}

fn default_url() -> Url {
    Url::parse("https://api.withpersona.com").unwrap_or_else(|error| unreachable!("a test reads it: {error}"))
}

impl PersonaConfig {
    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let mut http = ProviderHttpConfig::new(NAME, self.url, Auth::Bearer(self.api_key.0));
        // Without this header, each key has its own version: <https://docs.withpersona.com/versioning>.
        http.headers.push(("Persona-Version".into(), VERSION.to_owned()));
        http.headers.push(("Key-Inflection".into(), "snake".to_owned()));
        Ok(http)
    }
}
