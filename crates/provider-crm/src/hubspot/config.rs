//! How to reach a `HubSpot` account: the token of a private app
//! (<https://developers.hubspot.com/docs/apps/legacy-apps/private-apps/overview>) with the scopes `crm.objects.contacts.read` and
//! `crm.objects.contacts.write`. All regions have one host.

use provider_http::{Auth, ConfigError, ProviderHttpConfig};
use secrecy::SecretString;
use url::Url;

use super::numeric_id::numeric_id;
use super::{SOURCE, error_code};

/// The version of the API that this connector is written for: <https://developers.hubspot.com/docs/api-reference/latest/overview>.
const API: &str = "/crm/objects/2026-09/";

/// The setting that names the account.
pub(crate) const PORTAL_SETTING: &str = PORTAL.name;

settings::declare! {
    /// How to reach an account.
    #[derive(Debug, Clone)]
    pub struct HubSpotConfig;

    BASE_URL: Url = "COPPICE_HUBSPOT_URL" [default "https://api.hubapi.com"]
        "the API (provider hubspot)" => pub base_url;
    TOKEN: SecretString = "COPPICE_HUBSPOT_TOKEN" [required, secret]
        "access token of the private app (provider hubspot)" => pub token;
    PORTAL: Option<String> = "COPPICE_HUBSPOT_PORTAL" [default "", optional parse parse_portal]
        "the account's ID, digits, to dead-letter events of any other" => pub portal;
    KEY_PROPERTY: String = "COPPICE_HUBSPOT_KEY_PROPERTY" [default "coppice_person_key", parse parse_property]
        "the property of contacts with our key: a text that is defined as unique" => pub key_property;
}

impl HubSpotConfig {
    pub(crate) fn http(self) -> Result<ProviderHttpConfig, ConfigError> {
        let api = self.base_url.join(API).map_err(|_| ConfigError::BaseUrl { upstream: SOURCE })?;
        let mut http = ProviderHttpConfig::new(SOURCE, api, Auth::Bearer(self.token));
        http.read_error = Some(error_code::read_error);
        Ok(http)
    }
}

fn parse_portal(text: &str) -> Result<String, &'static str> {
    numeric_id(text).ok_or("must be the ID of an account, digits")
}

/// The internal name of a property: <https://developers.hubspot.com/docs/guides/api/crm/properties>.
fn parse_property(text: &str) -> Result<String, &'static str> {
    let formed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !text.is_empty() && text.bytes().all(formed) {
        Ok(text.to_owned())
    } else {
        Err("must be the internal name of a property: lower-case letters, digits and underscores")
    }
}
