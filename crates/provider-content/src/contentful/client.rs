//! The Content Delivery API: the sync, an item by ID, how many items there are, and a ping.
//! <https://www.contentful.com/developers/docs/references/content-delivery-api/#/reference/synchronization>

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use provider_http::json::{Json, needed};
use provider_http::{Answer, ProviderError, ProviderHttp};

use super::SOURCE;
use super::config::{ContentfulConfig, TOO_BIG};
use super::record::{ASSET, ENTRY, SyncPage, item};
use crate::{ChangesError, ChangesPage, ContentProvider, FetchedItem, ItemKey};

const TOKEN: &str = "sync_token";

/// A client of one environment. Clones share connections and rate limit.
#[derive(Debug, Clone)]
pub struct ContentfulClient {
    http: ProviderHttp,
    space: String,
    environment: String,
    /// Items on a page. Each page that is too large halves it.
    page_size: Arc<AtomicU32>,
}

impl ContentfulClient {
    pub(crate) fn of(config: ContentfulConfig, http: ProviderHttp) -> Self {
        let ContentfulConfig { space, environment, page_size, .. } = config;
        Self { http, space, environment, page_size: Arc::new(page_size.into()) }
    }

    async fn first_page(&self) -> Result<Json, ProviderError> {
        loop {
            let limit = self.page_size.load(Ordering::Relaxed).to_string();
            match self.read(&["sync"], &[("initial", "true"), ("limit", &limit)]).await {
                Err(error) if is_too_large(&error) && self.makes_smaller_pages() => {}
                page => return page,
            }
        }
    }

    /// Halves the pages. False: they have one item each already.
    fn makes_smaller_pages(&self) -> bool {
        let halved = |size: u32| (size > 1).then_some(size / 2);
        self.page_size.fetch_update(Ordering::Relaxed, Ordering::Relaxed, halved).is_ok()
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        ["spaces", &self.space, "environments", &self.environment]
            .into_iter()
            .chain(rest.iter().copied())
            .collect()
    }

    async fn read(&self, rest: &[&str], query: &[(&str, &str)]) -> Result<Json, ProviderError> {
        // Every environment has these: a 404 means that the base URL, the space or the environment is wrong.
        self.http.get_json(&self.path(rest), query, None).await?.always_found()
    }

    async fn total(&self, collection: &str) -> Result<u64, ProviderError> {
        needed("total", self.read(&[collection], &[("limit", "0")]).await?.at("total").number())
    }
}

/// True if Contentful makes no such large page, or if it is larger than we read.
fn is_too_large(error: &ProviderError) -> bool {
    matches!(error, ProviderError::TooLarge { .. }) || *error == TOO_BIG
}

impl ContentProvider for ContentfulClient {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn scope(&self) -> String {
        format!("{}/{}", self.space, self.environment)
    }

    async fn changed_since(&self, cursor: Option<&str>) -> Result<ChangesPage, ChangesError> {
        let page = match cursor {
            None => self.first_page().await?,
            // No other parameter is allowed beside a token, which has the size of the pages in it.
            Some(token) => match self.read(&["sync"], &[(TOKEN, token)]).await {
                Err(ProviderError::Invalid { status: 400 | 422 }) => return Err(ChangesError::CursorRefused),
                Err(error) if is_too_large(&error) && self.makes_smaller_pages() => {
                    return Err(ChangesError::PageTooLarge);
                }
                page => page?,
            },
        };
        let page = SyncPage::new(page);
        let (link, more) = page.link()?;
        // The links of pages and syncs differ in their token only, so the token is the cursor.
        let next = self.http.cursor_in(&link, &self.path(&["sync"]), TOKEN)?;
        Ok(page.changes(next, more)?)
    }

    async fn count(&self) -> Result<u64, ProviderError> {
        // Published entries and assets, as a full sync has them.
        Ok(self.total("entries").await?.saturating_add(self.total("assets").await?))
    }

    async fn fetch_item(&self, key: &ItemKey) -> Result<FetchedItem, ProviderError> {
        let collection = match key.collection.as_str() {
            ENTRY => "entries",
            ASSET => "assets",
            _ => return Err(ProviderError::Invalid { status: 400 }),
        };
        // In all languages, as the sync has it.
        match self.http.get_json::<Json>(&self.path(&[collection, &key.id]), &[("locale", "*")], None).await?
        {
            Answer::Found { value, .. } => match item(&value) {
                Some(item) if item.key == *key => Ok(FetchedItem::Found(Box::new(item))),
                _ => Err(ProviderError::WHOLE_REPLY_MALFORMED),
            },
            Answer::NotFound | Answer::Gone => Ok(FetchedItem::Gone),
            // The request had no entity tag, so this is no valid answer. It must not look like an item that is gone.
            Answer::NotModified => Err(ProviderError::WHOLE_REPLY_MALFORMED),
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.total("entries").await.map(drop)
    }
}
