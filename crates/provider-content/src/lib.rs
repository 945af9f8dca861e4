//! Content management systems behind one trait, one folder per vendor.
//!
//! In: a cursor, or an item's key. Out: a page of what has changed since ([`ChangesPage`]), or the item as the CMS says it
//! is now ([`FetchedItem`]). A cursor is the vendor's own and opaque to everybody else; without one, everything is read.
//!
//! What an item says is opaque: nothing here looks into its fields. This crate must not know tables, announcements, or
//! when to give up.

mod content_client;
pub mod contentful;
pub mod directus;
mod item;
mod provider;
mod settings;

pub use content_client::ContentClient;
pub use contentful::{ContentfulClient, ContentfulConfig};
pub use directus::{DirectusClient, DirectusConfig};
pub use item::{Deletion, Item, ItemKey};
pub use provider::{ChangesError, ChangesPage, ContentProvider, FetchedItem};
pub use provider_http::ProviderError;
pub use settings::ContentSettings;
