//! Which content management system, and how to reach it, from the environment. For every binary that calls one.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use ::settings::{Reader, Setting};
use provider_http::ConfigError;

use crate::content_client::{Choice, ProviderName};
use crate::{ContentClient, ContentfulConfig, DirectusConfig};

const PROVIDER: Setting =
    Setting::required("COPPICE_CONTENT_PROVIDER", "the content management system: contentful or directus");
const TIMEOUT: Setting = Setting::with_default(
    "COPPICE_CONTENT_TIMEOUT_SECS",
    "30",
    "longest wait for one page of the content management system",
);
const PAGE_SIZE: Setting =
    Setting::with_default("COPPICE_CONTENT_PAGE_SIZE", "100", "items on a page, from 1 to 1000");
const CONTENTFUL_URL: Setting = Setting::with_default(
    "COPPICE_CONTENTFUL_URL",
    ContentfulConfig::DEFAULT_BASE_URL,
    "Contentful's Content Delivery API",
);
const CONTENTFUL_SPACE: Setting = Setting::required("COPPICE_CONTENTFUL_SPACE", "ID of Contentful's space");
const CONTENTFUL_ENVIRONMENT: Setting = Setting::with_default(
    "COPPICE_CONTENTFUL_ENVIRONMENT",
    ContentfulConfig::DEFAULT_ENVIRONMENT,
    "ID or alias of the space's environment",
);
const CONTENTFUL_ACCESS_TOKEN: Setting =
    Setting::required("COPPICE_CONTENTFUL_ACCESS_TOKEN", "access token of the Content Delivery API");
const DIRECTUS_URL: Setting = Setting::required("COPPICE_DIRECTUS_URL", "where Directus's /items lives");
const DIRECTUS_TOKEN: Setting =
    Setting::required("COPPICE_DIRECTUS_TOKEN", "static token of a user who may read the collections");
const DIRECTUS_COLLECTIONS: Setting = Setting::required(
    "COPPICE_DIRECTUS_COLLECTIONS",
    "the collections to read, separated by commas; each needs id, date_created and date_updated",
);

/// All of them, for `--help` and the documentation.
pub const CONTENT_SETTINGS: &[Setting] = &[
    PROVIDER,
    TIMEOUT,
    PAGE_SIZE,
    CONTENTFUL_URL,
    CONTENTFUL_SPACE,
    CONTENTFUL_ENVIRONMENT,
    CONTENTFUL_ACCESS_TOKEN,
    DIRECTUS_URL,
    DIRECTUS_TOKEN,
    DIRECTUS_COLLECTIONS,
];

/// The chosen provider's settings.
#[derive(Debug, Clone)]
pub struct ContentSettings {
    choice: Choice,
    timeout: Duration,
}

impl ContentSettings {
    /// Reads the provider's name, and then that provider's settings. `None` if one is missing or wrong; the reader keeps
    /// which, and why.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let timeout = reader.read_within(TIMEOUT, 1, 120).map(Duration::from_secs);
        let page_size = reader.read_within(PAGE_SIZE, 1, 1000);
        let choice = match reader.read::<ProviderName>(PROVIDER)? {
            ProviderName::Contentful => read_contentful(reader, page_size).map(Choice::Contentful),
            ProviderName::Directus => read_directus(reader, page_size).map(Choice::Directus),
        };
        Some(Self { choice: choice?, timeout: timeout? })
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// When the URL is not a web address.
    pub fn connect(self) -> Result<ContentClient, ConfigError> {
        self.choice.connect(|limits| limits.timeout = self.timeout)
    }
}

fn read_contentful(reader: &mut Reader, page_size: Option<u32>) -> Option<ContentfulConfig> {
    let base_url = reader.read(CONTENTFUL_URL);
    let space = reader.read(CONTENTFUL_SPACE);
    let environment = reader.read(CONTENTFUL_ENVIRONMENT);
    let access_token = reader.secret(CONTENTFUL_ACCESS_TOKEN);
    Some(ContentfulConfig {
        base_url: base_url?,
        space: space?,
        environment: environment?,
        access_token: access_token?,
        page_size: page_size?,
    })
}

fn read_directus(reader: &mut Reader, page_size: Option<u32>) -> Option<DirectusConfig> {
    let base_url = reader.read(DIRECTUS_URL);
    let token = reader.secret(DIRECTUS_TOKEN);
    let collections = reader.read::<Collections>(DIRECTUS_COLLECTIONS);
    Some(DirectusConfig {
        base_url: base_url?,
        token: token?,
        collections: collections?.0,
        page_size: page_size?,
    })
}

struct Collections(BTreeSet<String>);

impl FromStr for Collections {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: BTreeSet<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        if names.contains("") { Err("must be names separated by commas") } else { Ok(Self(names)) }
    }
}
