//! Which content management system, and how to reach it, from the environment: for every binary that reads one.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use ::settings::{Reader, SettingsError};
use provider_http::{ConfigError, ProviderHttpConfig};
use secrecy::SecretString;
use url::Url;

use crate::{ContentClient, ContentfulClient, ContentfulConfig, DirectusClient, DirectusConfig};

::settings::declare! {
    /// The chosen content management system's settings.
    #[derive(Debug, Clone)]
    pub struct ContentSettings;

    PROVIDER: ProviderName = "COPPICE_CONTENT_PROVIDER" [required]
        "the content management system: contentful or directus";
    TIMEOUT: Duration = "COPPICE_CONTENT_TIMEOUT_SECS" [default "30", seconds 1..=120]
        "longest wait for one page of the content management system" => timeout;
    PAGE_SIZE: u32 = "COPPICE_CONTENT_PAGE_SIZE" [default "100", within 1..=1000]
        "items on a page, from 1 to 1000" => page_size;
    list Contentful;
    list Directus;
    choice: Choice = by read_choice;
}

::settings::declare! {
    #[derive(Debug, Clone)]
    struct Contentful;

    CONTENTFUL_URL: Url = "COPPICE_CONTENTFUL_URL" [default ContentfulConfig::DEFAULT_BASE_URL]
        "Contentful's Content Delivery API" => base_url;
    CONTENTFUL_SPACE: String = "COPPICE_CONTENTFUL_SPACE" [required] "ID of Contentful's space" => space;
    CONTENTFUL_ENVIRONMENT: String =
        "COPPICE_CONTENTFUL_ENVIRONMENT" [default ContentfulConfig::DEFAULT_ENVIRONMENT]
        "ID or alias of the space's environment" => environment;
    CONTENTFUL_ACCESS_TOKEN: SecretString = "COPPICE_CONTENTFUL_ACCESS_TOKEN" [required, secret]
        "access token of the Content Delivery API" => access_token;
}

::settings::declare! {
    #[derive(Debug, Clone)]
    struct Directus;

    DIRECTUS_URL: Url = "COPPICE_DIRECTUS_URL" [required] "where Directus's /items lives" => base_url;
    DIRECTUS_TOKEN: SecretString = "COPPICE_DIRECTUS_TOKEN" [required, secret]
        "static token of a user who may read the collections" => token;
    DIRECTUS_COLLECTIONS: BTreeSet<String> = "COPPICE_DIRECTUS_COLLECTIONS" [required, parse parse_collections]
        "the collections to read, parted by commas; each needs id, date_created and date_updated" => collections;
}

#[derive(Debug, Clone)]
enum Choice {
    Contentful(Contentful),
    Directus(Directus),
}

fn read_choice(reader: &Reader) -> Result<Choice, SettingsError> {
    match reader.read(PROVIDER)? {
        ProviderName::Contentful => reader.load().map(Choice::Contentful),
        ProviderName::Directus => reader.load().map(Choice::Directus),
    }
}

fn parse_collections(text: &str) -> Result<BTreeSet<String>, &'static str> {
    let names: BTreeSet<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if names.contains("") { Err("must be names parted by commas") } else { Ok(names) }
}

impl ContentSettings {
    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// When the URL is not a web address.
    pub fn connect(self) -> Result<ContentClient, ConfigError> {
        let limits = |limits: &mut ProviderHttpConfig| limits.timeout = self.timeout;
        let page_size = self.page_size;
        Ok(match self.choice {
            Choice::Contentful(Contentful { base_url, space, environment, access_token }) => {
                let config = ContentfulConfig { base_url, space, environment, access_token, page_size };
                ContentClient::Contentful(ContentfulClient::with_limits(config, limits)?)
            }
            Choice::Directus(Directus { base_url, token, collections }) => {
                let config = DirectusConfig { base_url, token, collections, page_size };
                ContentClient::Directus(DirectusClient::with_limits(config, limits)?)
            }
        })
    }
}

enum ProviderName {
    Contentful,
    Directus,
}

impl FromStr for ProviderName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "contentful" => Ok(Self::Contentful),
            "directus" => Ok(Self::Directus),
            _ => Err("must be contentful or directus"),
        }
    }
}
