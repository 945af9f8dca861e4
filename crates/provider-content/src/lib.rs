//! Content management systems behind one trait. Each vendor has a folder, and a line in `content_client.rs`.
//!
//! In: a cursor, or an item's key. Out: a page of the changes since ([`ChangesPage`]), or the item as the CMS says it is now
//! ([`FetchedItem`]). Cursors and fields are opaque. This crate must not know tables, announcements, or when to give up.

mod content_client;
pub mod contentful;
pub mod directus;
mod item;
mod provider;
mod settings;

pub use content_client::{ContentClient, PROVIDER_NAMES};
pub use contentful::{ContentfulClient, ContentfulConfig};
pub use directus::{DirectusClient, DirectusConfig};
pub use item::{Deletion, Item, ItemKey};
pub use provider::{ChangesError, ChangesPage, ContentProvider, FetchedItem};
pub use provider_http::ProviderError;
pub use settings::ContentSettings;
