//! An item of any CMS.

use serde_json::Value;
use time::OffsetDateTime;

/// Names an item at its CMS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ItemKey {
    /// Within which IDs are unique: Contentful's `entry` and `asset`, a collection of Directus.
    pub collection: String,
    /// The CMS's ID.
    pub id: String,
}

/// An item as the CMS says it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its name.
    pub key: ItemKey,
    /// The editors' name of the kind of content.
    pub content_type: String,
    /// The languages that it has values in, sorted. Empty where the CMS does not tell them apart.
    pub locales: Vec<String>,
    /// What the editors wrote, opaque.
    pub body: Value,
    /// Whether readers of the site may see it.
    pub published: bool,
    /// The CMS's count of revisions, where it has one. Begins anew when an ID is used again: it orders nothing.
    pub revision: Option<i64>,
    /// The CMS's own ordered version.
    pub version: Option<OffsetDateTime>,
}

/// An item that is gone, or that readers may not see any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Its name.
    pub key: ItemKey,
    /// When it went, where the CMS says so.
    pub at: Option<OffsetDateTime>,
}
