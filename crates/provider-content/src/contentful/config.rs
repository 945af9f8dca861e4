//! How to reach Contentful, and the settings of its HTTP client.

use std::time::Duration;

use provider_http::{Auth, ConfigError, ProviderError, ProviderHttpConfig};
use secrecy::SecretString;
use url::Url;

use super::SOURCE;

/// Contentful limits a reply to 7 MB: <https://www.contentful.com/developers/docs/technical-limits/>.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// How to reach an environment of a space.
#[derive(Debug, Clone)]
pub struct ContentfulConfig {
    /// The Content Delivery API. Default: [`Self::DEFAULT_BASE_URL`].
    pub base_url: Url,
    /// The space's ID.
    pub space: String,
    /// The environment's ID, or an alias of it. Default: [`Self::DEFAULT_ENVIRONMENT`].
    pub environment: String,
    /// An access token of the Content Delivery API.
    pub access_token: SecretString,
    /// Items on a page: at most 1000.
    pub page_size: u32,
}

impl ContentfulConfig {
    /// <https://www.contentful.com/developers/docs/references/content-delivery-api/>. It has published items only.
    pub const DEFAULT_BASE_URL: &str = "https://cdn.contentful.com";

    /// The environment that every space has.
    pub const DEFAULT_ENVIRONMENT: &str = "master";

    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let mut http = ProviderHttpConfig::new(SOURCE, self.base_url, Auth::Bearer(self.access_token));
        http.max_body_bytes = MAX_BODY_BYTES;
        http.timeout = Duration::from_secs(30);
        http.read_error = Some(read_error);
        Ok(http)
    }
}

/// A page that Contentful refuses to make, since it would have more than 7 MB.
pub(crate) const TOO_BIG: ProviderError =
    ProviderError::Refused { code: "Response size too big", names_record: false };

/// The code of such an error is that of any bad request, so its message has to tell.
fn read_error(status: u16, body: &[u8]) -> Option<ProviderError> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let message = body.get("message").and_then(serde_json::Value::as_str)?;
    (status == 400 && message.starts_with("Response size too big")).then_some(TOO_BIG)
}
