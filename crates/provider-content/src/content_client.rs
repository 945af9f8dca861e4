//! The content management systems that a binary can be set up with, as one type.

use provider_http::ProviderError;

use crate::{
    ChangesError, ChangesPage, ContentProvider, ContentfulClient, DirectusClient, FetchedItem, ItemKey,
};

/// One of the systems, chosen by settings at start-up. An enum and not `dyn`: the compiler checks that every provider is
/// handled everywhere, and futures need no boxes.
#[derive(Debug, Clone)]
pub enum ContentClient {
    /// Contentful.
    Contentful(ContentfulClient),
    /// Directus.
    Directus(DirectusClient),
}

impl ContentProvider for ContentClient {
    fn source(&self) -> &'static str {
        match self {
            Self::Contentful(client) => client.source(),
            Self::Directus(client) => client.source(),
        }
    }

    fn scope(&self) -> String {
        match self {
            Self::Contentful(client) => client.scope(),
            Self::Directus(client) => client.scope(),
        }
    }

    fn sees_deletions(&self) -> bool {
        match self {
            Self::Contentful(client) => client.sees_deletions(),
            Self::Directus(client) => client.sees_deletions(),
        }
    }

    async fn changed_since(&self, cursor: Option<&str>) -> Result<ChangesPage, ChangesError> {
        match self {
            Self::Contentful(client) => client.changed_since(cursor).await,
            Self::Directus(client) => client.changed_since(cursor).await,
        }
    }

    async fn count(&self) -> Result<u64, ProviderError> {
        match self {
            Self::Contentful(client) => client.count().await,
            Self::Directus(client) => client.count().await,
        }
    }

    async fn fetch_item(&self, key: &ItemKey) -> Result<FetchedItem, ProviderError> {
        match self {
            Self::Contentful(client) => client.fetch_item(key).await,
            Self::Directus(client) => client.fetch_item(key).await,
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        match self {
            Self::Contentful(client) => client.ping().await,
            Self::Directus(client) => client.ping().await,
        }
    }
}
