//! How to reach Directus, and the settings of its HTTP client.

use std::time::Duration;

use provider_http::{Auth, ConfigError, ProviderHttpConfig};
use secrecy::SecretString;
use url::Url;

use super::SOURCE;

/// Limit of a page of long texts. Directus has no limit.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// How to reach a collection of a project.
#[derive(Debug, Clone)]
pub struct DirectusConfig {
    /// Where `/items` lives.
    pub base_url: Url,
    /// A static token of a user who may read the collections: <https://directus.io/docs/guides/connect/authentication>.
    pub token: SecretString,
    /// The collection to read. It needs the fields that Directus offers when a collection is created: `id`, and `date_created` and
    /// `date_updated` as timestamps. If it has a `status`, that says whether an item is published.
    pub collection: String,
    /// Items on a page.
    pub page_size: u32,
}

impl DirectusConfig {
    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let mut http = ProviderHttpConfig::new(SOURCE, self.base_url, Auth::Bearer(self.token));
        http.max_body_bytes = MAX_BODY_BYTES;
        http.timeout = Duration::from_secs(30);
        Ok(http)
    }
}
