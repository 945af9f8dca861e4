//! The content management systems, each named once.

use provider_http::ProviderError;

use crate::{
    ChangesError, ChangesPage, ContentProvider, ContentfulClient, ContentfulConfig, DirectusClient,
    DirectusConfig, FetchedItem, ItemKey, contentful, directus,
};

provider_http::vendors! {
    /// One of the content management systems, chosen by settings at start-up.
    pub enum ContentClient {
        /// Contentful.
        Contentful(ContentfulClient, ContentfulConfig) from contentful,
        /// Directus.
        Directus(DirectusClient, DirectusConfig) from directus,
    }
}

impl ContentProvider for ContentClient {
    fn source(&self) -> &'static str {
        each!(self, client => client.source())
    }

    fn scope(&self) -> String {
        each!(self, client => client.scope())
    }

    async fn changed_since(&self, cursor: Option<&str>) -> Result<ChangesPage, ChangesError> {
        each!(self, client => client.changed_since(cursor).await)
    }

    async fn count(&self) -> Result<u64, ProviderError> {
        each!(self, client => client.count().await)
    }

    async fn fetch_item(&self, key: &ItemKey) -> Result<FetchedItem, ProviderError> {
        each!(self, client => client.fetch_item(key).await)
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        each!(self, client => client.ping().await)
    }
}
