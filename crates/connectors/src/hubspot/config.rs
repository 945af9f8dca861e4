//! How to reach a HubSpot account: the token of a private app
//! (<https://developers.hubspot.com/docs/apps/legacy-apps/private-apps/overview>) with the scopes `crm.objects.contacts.read` and
//! `crm.objects.contacts.write`. All regions have one host.

use std::time::Duration;

use provider_http::{Auth, ConfigError, ProviderHttpConfig};
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use url::Url;

use super::numeric_id::numeric_id;
use super::{NAME, error_code};
use crate::Secret;

/// The version of the API that this connector is written for: <https://developers.hubspot.com/docs/api-reference/latest/overview>.
const API: &str = "/crm/objects/2026-09/";

const TIMEOUT: Duration = Duration::from_secs(15);

/// After a used-up daily quota, the next try comes after this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(900);

const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// How to reach an account.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HubSpotConfig {
    /// The API, which all regions share. Left out: `https://api.hubapi.com`.
    #[serde(default = "default_url")]
    pub url: Url,
    /// Access token of a private app with the scopes `crm.objects.contacts.read` and `crm.objects.contacts.write`.
    pub token: Secret,
    /// The account's ID, digits, to dead-letter events of any other.
    #[serde(default, deserialize_with = "portal")]
    pub portal: Option<String>,
    /// The property of contacts with our key: a text that is defined as unique.
    #[serde(default = "default_key_property", deserialize_with = "key_property")]
    pub key_property: String,
}

fn default_url() -> Url {
    Url::parse("https://api.hubapi.com").unwrap_or_else(|error| unreachable!("a test reads it: {error}"))
}

fn default_key_property() -> String {
    String::from("coppice_person_key")
}

fn portal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let portal = Option::<String>::deserialize(deserializer)?;
    let id =
        portal.as_deref().map(|text| numeric_id(text).ok_or("portal must be the ID of an account, digits"));
    id.transpose().map_err(D::Error::custom)
}

fn key_property<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    parse_property(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

impl HubSpotConfig {
    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let api = self.url.join(API).map_err(|_| ConfigError::BaseUrl { upstream: NAME })?;
        let mut http = ProviderHttpConfig::new(NAME, api, Auth::Bearer(self.token.0));
        http.max_body_bytes = MAX_BODY_BYTES;
        http.timeout = TIMEOUT;
        http.longest_pause = LONGEST_PAUSE;
        http.read_error = Some(error_code::read_error);
        Ok(http)
    }
}

/// Whether it is the internal name of a property: <https://developers.hubspot.com/docs/guides/api/crm/properties>.
pub(crate) fn is_property(text: &str) -> bool {
    let formed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.bytes().all(formed)
}

fn parse_property(text: &str) -> Result<String, &'static str> {
    if is_property(text) {
        Ok(text.to_owned())
    } else {
        Err(
            "key_property must be the internal name of a property: lower-case letters, digits and underscores",
        )
    }
}
