//! Contentful's resources and pages, and their mapping to [`Item`] and [`ChangesPage`].
//! <https://www.contentful.com/developers/docs/references/content-delivery-api/#/introduction/common-resource-attributes>

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::{ChangesPage, Deletion, Item, ItemKey};

pub(crate) const ENTRY: &str = "entry";

/// The collection of assets, and the content type of each of them.
pub(crate) const ASSET: &str = "asset";

/// The last page links to the next sync, every other page to the next page.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SyncPage {
    items: Vec<Resource>,
    next_page_url: Option<String>,
    next_sync_url: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Resource {
    sys: Sys,
    #[serde(flatten)]
    body: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sys {
    #[serde(deserialize_with = "provider_http::record_id")]
    id: String,
    #[serde(rename = "type")]
    kind: String,
    content_type: Option<Link>,
    revision: Option<i64>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    updated_at: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    deleted_at: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
struct Link {
    sys: Target,
}

#[derive(Deserialize)]
struct Target {
    #[serde(deserialize_with = "provider_http::record_id")]
    id: String,
}

/// True for the form of all of Contentful's IDs:
/// <https://www.contentful.com/developers/docs/references/content-delivery-api/#/introduction/common-resource-attributes>.
pub(super) fn is_resource_id(text: &str) -> bool {
    let formed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(formed)
}

impl SyncPage {
    /// The link of the page, and true if it leads to a page that exists already.
    pub(crate) fn link(&self) -> Option<(&str, bool)> {
        match (&self.next_page_url, &self.next_sync_url) {
            (Some(page), None) => Some((page, true)),
            (None, Some(sync)) => Some((sync, false)),
            _ => None,
        }
    }

    pub(crate) fn changes(self, next: String, more: bool) -> ChangesPage {
        let mut page = ChangesPage { items: Vec::new(), deletions: Vec::new(), ignored: 0, next, more };
        for resource in self.items {
            if let Some(deletion) = resource.deletion() {
                page.deletions.push(deletion);
            } else if let Some(item) = resource.item() {
                page.items.push(item);
            } else {
                page.ignored += 1;
            }
        }
        page
    }
}

impl Resource {
    pub(crate) fn item(self) -> Option<Item> {
        if !is_resource_id(&self.sys.id) {
            return None;
        }
        let (collection, content_type) = match self.sys.kind.as_str() {
            "Entry" => (ENTRY, self.sys.content_type?.sys.id),
            "Asset" => (ASSET, String::from(ASSET)),
            _ => return None,
        };
        Some(Item {
            key: ItemKey { collection: String::from(collection), id: self.sys.id },
            content_type,
            locales: locales(&self.body),
            body: Value::Object(self.body),
            // Everything that this API shows is published.
            published: true,
            revision: self.sys.revision,
            version: self.sys.updated_at,
        })
    }

    fn deletion(&self) -> Option<Deletion> {
        let collection = match self.sys.kind.as_str() {
            "DeletedEntry" => ENTRY,
            "DeletedAsset" => ASSET,
            _ => return None,
        };
        if !is_resource_id(&self.sys.id) {
            return None;
        }
        let key = ItemKey { collection: String::from(collection), id: self.sys.id.clone() };
        // This API shows an unpublished item as deleted. The revision of a deletion is not that of the item.
        Some(Deletion { key, at: self.sys.deleted_at.or(self.sys.updated_at) })
    }
}

fn locales(body: &Map<String, Value>) -> Vec<String> {
    // Each field is an object with a value for each language.
    let fields = body.get("fields").and_then(Value::as_object);
    let by_locale = fields.into_iter().flat_map(Map::values).filter_map(Value::as_object);
    let locales: BTreeSet<&String> = by_locale.flat_map(Map::keys).collect();
    locales.into_iter().cloned().collect()
}
