//! Clients of content management systems, for `replies.rs`.

use provider_content::{ContentfulClient, ContentfulConfig, DirectusClient, DirectusConfig};

pub(crate) fn contentful(url: &str) -> ContentfulClient {
    let config = ContentfulConfig {
        base_url: url.parse().unwrap(),
        space: "orchard1".to_owned(),
        environment: ContentfulConfig::DEFAULT_ENVIRONMENT.to_owned(),
        access_token: "a secret".into(),
        page_size: 100,
    };
    ContentfulClient::new(config, |_| {}).unwrap()
}

pub(crate) fn directus(url: &str) -> DirectusClient {
    let (base_url, token) = (url.parse().unwrap(), "a secret".into());
    let collection = "articles".to_owned();
    DirectusClient::new(DirectusConfig { base_url, token, collection, page_size: 100 }, |_| {}).unwrap()
}
