//! What every content management system can do for us.

use std::future::Future;

use provider_http::ProviderError;

use crate::{Deletion, Item, ItemKey};

/// A content management system: tells what has changed, and answers for its items.
pub trait ContentProvider: Send + Sync + 'static {
    /// The source's stable name, `contentful` or `directus`: it stands in rows.
    fn source(&self) -> &'static str;

    /// What is read there: a space and its environment, collections. A cursor is worth nothing for another scope.
    fn scope(&self) -> String;

    /// Whether deletions are among the changes. Where they are not, only reading everything again finds them.
    fn sees_deletions(&self) -> bool;

    /// The next page of what has changed since a cursor. `None` begins to read everything that is there; the cursor that
    /// the last page of that gives ([`ChangesPage::more`] is false) goes on with what changes from its beginning on.
    ///
    /// # Errors
    /// [`ChangesError`]. The same cursor can be asked for again, but for a refused one.
    fn changed_since(
        &self,
        cursor: Option<&str>,
    ) -> impl Future<Output = Result<ChangesPage, ChangesError>> + Send;

    /// How many items there are in all: a listing that has seen another number was not whole.
    ///
    /// # Errors
    /// Any [`ProviderError`].
    fn count(&self) -> impl Future<Output = Result<u64, ProviderError>> + Send;

    /// The item as the CMS says it is now. A missing item is [`FetchedItem::Gone`], not an error.
    ///
    /// # Errors
    /// Any [`ProviderError`].
    fn fetch_item(&self, key: &ItemKey) -> impl Future<Output = Result<FetchedItem, ProviderError>> + Send;

    /// One cheap authenticated call, to check settings before the work begins.
    ///
    /// # Errors
    /// Any [`ProviderError`]: a 429 is no answer, and a 404 means that the base URL or the scope is wrong.
    fn ping(&self) -> impl Future<Output = Result<(), ProviderError>> + Send;
}

/// One page of changes.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangesPage {
    /// Items that are there.
    pub items: Vec<Item>,
    /// Items that are not.
    pub deletions: Vec<Deletion>,
    /// Entries of a kind that we do not know, and skip.
    pub ignored: usize,
    /// Where to go on: at once, if there is [`Self::more`], or next time.
    pub next: String,
    /// Whether the next page is there already.
    pub more: bool,
}

/// What a CMS answers about one item.
#[derive(Debug, Clone, PartialEq)]
pub enum FetchedItem {
    /// As it is now.
    Found(Box<Item>),
    /// There is no such item, or no longer, or readers may not see it.
    Gone,
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangesError {
    /// The CMS, or our own client, does not take this cursor: asking again is useless, everything has to be read anew.
    #[error("cursor is refused")]
    CursorRefused,
    /// As for any other call.
    #[error(transparent)]
    Provider(#[from] ProviderError),
}
