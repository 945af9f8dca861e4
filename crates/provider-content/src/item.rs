//! An item of any CMS.

use serde_json::Value;
use time::OffsetDateTime;

/// The key of an item at its CMS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ItemKey {
    /// The collection, in which IDs are unique: Contentful's `entry` and `asset`, a collection of Directus.
    pub collection: String,
    /// The CMS's ID.
    pub id: String,
}

/// An item as the CMS says it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its key.
    pub key: ItemKey,
    /// The editors' name of the kind of content.
    pub content_type: String,
    /// The languages of its values, sorted. Empty if the CMS does not separate languages.
    pub locales: Vec<String>,
    /// The editors' fields, opaque.
    pub body: Value,
    /// True if readers of the site may see it.
    pub published: bool,
    /// The CMS's count of revisions, if it has one. It restarts when an ID is used again, so it orders nothing.
    pub revision: Option<i64>,
    /// The CMS's own ordered version.
    pub version: Option<OffsetDateTime>,
}

/// An item that is gone, or that readers may see no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Its key.
    pub key: ItemKey,
    /// When it was removed, if the CMS says so.
    pub at: Option<OffsetDateTime>,
}
