//! A client of each kind with a short time-out, and complete readings.

use std::time::Duration;

use provider_content::{
    ChangesError, ChangesPage, ContentClient, ContentProvider, ContentfulClient, ContentfulConfig,
    DirectusClient, DirectusConfig,
};
use provider_http::ProviderHttpConfig;

pub(crate) const SECRET: &str = "s3cret-of-the-space";

/// Makes a client of the server at this address.
pub(crate) type Make = fn(&str) -> ContentClient;

fn short(limits: &mut ProviderHttpConfig) {
    limits.timeout = Duration::from_millis(500);
}

/// An operator may print the settings.
fn shows_no_secret(config: &impl std::fmt::Debug) {
    let text = format!("{config:?}");
    assert!(!text.contains(SECRET), "{text}");
}

pub(crate) fn contentful(url: &str) -> ContentClient {
    contentful_with(url, SECRET, "orchard1", 2)
}

pub(crate) fn contentful_with(url: &str, token: &str, space: &str, page_size: u32) -> ContentClient {
    let config = ContentfulConfig {
        base_url: url.parse().unwrap(),
        space: space.to_owned(),
        environment: ContentfulConfig::DEFAULT_ENVIRONMENT.to_owned(),
        access_token: token.into(),
        page_size,
    };
    shows_no_secret(&config);
    ContentClient::Contentful(ContentfulClient::new(config, short).unwrap())
}

pub(crate) fn directus(url: &str) -> ContentClient {
    directus_with(url, SECRET, "entry", 2)
}

pub(crate) fn directus_with(url: &str, token: &str, collection: &str, page_size: u32) -> ContentClient {
    let config = DirectusConfig {
        base_url: url.parse().unwrap(),
        token: token.into(),
        collection: collection.to_owned(),
        page_size,
    };
    shows_no_secret(&config);
    ContentClient::Directus(DirectusClient::new(config, short).unwrap())
}

/// Reads a page. An error fails the test.
pub(crate) async fn page(client: &ContentClient, cursor: Option<&str>) -> ChangesPage {
    client.changed_since(cursor).await.unwrap()
}

/// All pages up to the last, joined, and their number.
pub(crate) async fn read(client: &ContentClient, cursor: Option<&str>) -> (ChangesPage, usize) {
    let mut whole = page(client, cursor).await;
    let mut pages = 1;
    while whole.more {
        assert!(pages < 100, "the pages never end");
        let next = page(client, Some(&whole.next)).await;
        whole.items.extend(next.items);
        whole.deletions.extend(next.deletions);
        (whole.next, whole.more, whole.ignored) = (next.next, next.more, whole.ignored + next.ignored);
        pages += 1;
    }
    (whole, pages)
}

/// A page in short: items with their titles, deletions without one. Sorted.
pub(crate) fn summary(page: &ChangesPage) -> Vec<String> {
    let title = |body: &serde_json::Value| {
        let title = body.pointer("/fields/title/en-US").or_else(|| body.pointer("/title")).unwrap();
        title.as_str().unwrap().to_owned()
    };
    let item = |item: &provider_content::Item| {
        format!("{}/{} {}", item.key.collection, item.key.id, title(&item.body))
    };
    let gone = |gone: &provider_content::Deletion| format!("{}/{} gone", gone.key.collection, gone.key.id);
    let mut all: Vec<String> = page.items.iter().map(item).chain(page.deletions.iter().map(gone)).collect();
    all.sort();
    all
}

/// The error instead of a page.
pub(crate) async fn refusal(client: &ContentClient, cursor: Option<&str>) -> ChangesError {
    client.changed_since(cursor).await.unwrap_err()
}
