//! The trait of all content management systems, and their answers.

use std::future::Future;

use provider_http::ProviderError;

use crate::{Deletion, Item, ItemKey};

/// A content management system: lists changes, and fetches its items.
pub trait ContentProvider: Send + Sync + 'static {
    /// The source's stable name, `contentful` or `directus`. Rows contain it.
    fn source(&self) -> &'static str;

    /// The part of the CMS that this client reads: a space and its environment, or a collection of one server. Cursors and items
    /// belong to it: another scope may have the same IDs for other items.
    fn scope(&self) -> String;

    /// The next page of changes since a cursor. `None` begins to read everything. The last page's cursor (without
    /// [`ChangesPage::more`]) continues with the changes since that reading began.
    ///
    /// # Errors
    /// [`ChangesError`]. After an error, read the same cursor again, unless it was refused.
    fn changed_since(
        &self,
        cursor: Option<&str>,
    ) -> impl Future<Output = Result<ChangesPage, ChangesError>> + Send;

    /// How many items there are in all. A reading of everything with another number was not complete.
    fn count(&self) -> impl Future<Output = Result<u64, ProviderError>> + Send;

    /// The item as the CMS says it is now. A missing item is [`FetchedItem::Gone`], not an error.
    fn fetch_item(&self, key: &ItemKey) -> impl Future<Output = Result<FetchedItem, ProviderError>> + Send;

    /// One cheap authenticated call, to check settings before the work begins.
    ///
    /// # Errors
    /// Any [`ProviderError`]: a 429 does not count as an answer, and a 404 means that the base URL or the scope is wrong.
    fn ping(&self) -> impl Future<Output = Result<(), ProviderError>> + Send;
}

/// One page of changes.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangesPage {
    /// Items that exist.
    pub items: Vec<Item>,
    /// Items that were removed. If the CMS does not show deletions, only a full resync finds them.
    pub deletions: Vec<Deletion>,
    /// The number of entries of an unknown kind, which are skipped.
    pub ignored: usize,
    /// Where to continue: at once if there is [`Self::more`], else next time.
    pub next: String,
    /// True if the next page exists already.
    pub more: bool,
}

/// A CMS's answer about one item.
#[derive(Debug, Clone, PartialEq)]
pub enum FetchedItem {
    /// As it is now.
    Found(Box<Item>),
    /// There is no such item, or no longer, or readers must not see it.
    Gone,
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangesError {
    /// The CMS, or our client, refuses this cursor. Sending it again is useless: read everything again.
    #[error("cursor is refused: read everything again")]
    CursorRefused,
    /// The page after this cursor is too large, and the cursor fixes the size of its pages. The client makes smaller pages from now
    /// on: read everything again.
    #[error("page is too large: read everything again, in smaller pages")]
    PageTooLarge,
    /// An error of any other call.
    #[error(transparent)]
    Provider(#[from] ProviderError),
}
