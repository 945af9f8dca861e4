//! Which content management system, and how to reach it, from the environment: for every unit that calls one.

use std::collections::BTreeSet;
use std::time::Duration;

use ::settings::{Reader, SettingsError};
use provider_http::ConfigError;
use secrecy::SecretString;
use url::Url;

use crate::content_client::{Choice, ProviderName};
use crate::{ContentClient, ContentfulConfig, DirectusConfig};

::settings::declare! {
    /// The chosen content management system's settings.
    #[derive(Debug, Clone)]
    pub struct ContentSettings;

    PROVIDER: ProviderName = "COPPICE_CONTENT_PROVIDER" [required]
        "the content management system: contentful or directus";
    TIMEOUT: Duration = "COPPICE_CONTENT_TIMEOUT_SECS" [default "30", seconds 1..=120]
        "longest wait for one page of the content management system" => timeout;
    MAX_BODY_BYTES: usize = "COPPICE_CONTENT_MAX_BODY_BYTES" [default "33554432", within 65_536..=268_435_456]
        "largest answer of the content management system that is read, in bytes" => max_body_bytes;
    PLAIN_HTTP: bool = "COPPICE_CONTENT_PLAIN_HTTP" [default "false"]
        "true allows http:// to another machine; use it only if something else encrypts, such as a service mesh" => plain_http;
    PAGE_SIZE: u32 = "COPPICE_CONTENT_PAGE_SIZE" [default "100", within 1..=1000]
        "items on a page, from 1 to 1000";
    list ContentfulConfig;
    list DirectusServer;
    choices: Vec<Choice> = by read_choices;
}

::settings::declare! {
    impl ContentfulConfig;

    CONTENTFUL_URL: Url = "COPPICE_CONTENTFUL_URL" [default ContentfulConfig::DEFAULT_BASE_URL]
        "Contentful's Content Delivery API" => base_url;
    CONTENTFUL_SPACE: String = "COPPICE_CONTENTFUL_SPACE" [required] "ID of Contentful's space" => space;
    CONTENTFUL_ENVIRONMENT: String =
        "COPPICE_CONTENTFUL_ENVIRONMENT" [default ContentfulConfig::DEFAULT_ENVIRONMENT]
        "ID or alias of the space's environment" => environment;
    CONTENTFUL_ACCESS_TOKEN: SecretString = "COPPICE_CONTENTFUL_ACCESS_TOKEN" [required, secret]
        "access token of the Content Delivery API" => access_token;
    page_size: u32 = by page_size;
}

::settings::declare! {
    /// Directus's settings: one scope for each collection.
    #[derive(Debug, Clone)]
    struct DirectusServer;

    DIRECTUS_URL: Url = "COPPICE_DIRECTUS_URL" [required] "URL of the Directus server, without /items" => base_url;
    DIRECTUS_TOKEN: SecretString = "COPPICE_DIRECTUS_TOKEN" [required, secret]
        "static token of a user who may read the collections" => token;
    DIRECTUS_COLLECTIONS: BTreeSet<String> = "COPPICE_DIRECTUS_COLLECTIONS" [required, parse parse_collections]
        "the collections to read, separated by commas; each needs id, date_created and date_updated" => collections;
    page_size: u32 = by page_size;
}

fn read_choices(reader: &Reader) -> Result<Vec<Choice>, SettingsError> {
    match reader.read(PROVIDER)? {
        ProviderName::Contentful => Ok(vec![Choice::Contentful(reader.load()?)]),
        ProviderName::Directus => {
            let DirectusServer { base_url, token, collections, page_size } = reader.load()?;
            let of = |collection| DirectusConfig {
                base_url: base_url.clone(),
                token: token.clone(),
                collection,
                page_size,
            };
            Ok(collections.into_iter().map(|name| Choice::Directus(of(name))).collect())
        }
    }
}

fn page_size(reader: &Reader) -> Result<u32, SettingsError> {
    reader.read(PAGE_SIZE)
}

fn parse_collections(text: &str) -> Result<BTreeSet<String>, &'static str> {
    let names: BTreeSet<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if names.contains("") { Err("must be names separated by commas") } else { Ok(names) }
}

impl ContentSettings {
    /// Makes a client for each scope. Nothing is sent yet.
    ///
    /// # Errors
    /// When the URL is not a web address.
    pub fn connect(self) -> Result<Vec<ContentClient>, ConfigError> {
        let connect = |choice: Choice| {
            choice.connect(|limits| {
                limits.timeout = self.timeout;
                limits.max_body_bytes = self.max_body_bytes;
                limits.max_body_setting = MAX_BODY_BYTES.name;
                limits.plain_http = self.plain_http;
            })
        };
        self.choices.into_iter().map(connect).collect()
    }
}
