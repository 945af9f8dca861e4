//! Contentful's resources and pages, and their mapping to [`Item`] and [`ChangesPage`].
//! <https://www.contentful.com/developers/docs/references/content-delivery-api/#/introduction/common-resource-attributes>

use std::collections::BTreeSet;

use provider_http::lenient::time;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{ChangesPage, Deletion, Item, ItemKey};

pub(crate) const ENTRY: &str = "entry";

/// The collection of assets, and the content type of each of them.
pub(crate) const ASSET: &str = "asset";

/// The last page links to the next sync, every other page to the next page.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SyncPage {
    items: Vec<Value>,
    next_page_url: Option<String>,
    next_sync_url: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Resource {
    sys: Value,
    #[serde(flatten)]
    body: Map<String, Value>,
}

/// What a resource of a page is.
enum Read {
    Item(Item),
    Deletion(Deletion),
    /// Of a kind that is not kept.
    Other,
    /// Of a kind that is kept, without its ID or its type.
    Unreadable,
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

    /// `None`: no resource of the page can be read.
    pub(crate) fn changes(self, next: String, more: bool) -> Option<ChangesPage> {
        let mut page = ChangesPage { items: Vec::new(), deletions: Vec::new(), ignored: 0, next, more };
        let (length, mut unreadable) = (self.items.len(), 0);
        for resource in self.items {
            match serde_json::from_value(resource).map_or(Read::Unreadable, Resource::read) {
                Read::Item(item) => page.items.push(item),
                Read::Deletion(deletion) => page.deletions.push(deletion),
                Read::Other => page.ignored += 1,
                Read::Unreadable => unreadable += 1,
            }
        }
        page.ignored += unreadable;
        (unreadable == 0 || unreadable < length).then_some(page)
    }
}

impl Resource {
    /// `None`: it is no item that can be read.
    pub(crate) fn item(self) -> Option<Item> {
        match self.read() {
            Read::Item(item) => Some(item),
            Read::Deletion(_) | Read::Other | Read::Unreadable => None,
        }
    }

    fn read(self) -> Read {
        let text = |pointer| self.sys.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let at = |name| time(self.sys.get(name));
        let Some(kind) = text("/type") else { return Read::Unreadable };
        let (collection, content_type) = match kind.as_str() {
            "Entry" => (ENTRY, text("/contentType/sys/id").filter(|id| is_resource_id(id))),
            "Asset" => (ASSET, Some(String::from(ASSET))),
            "DeletedEntry" => (ENTRY, None),
            "DeletedAsset" => (ASSET, None),
            _ => return Read::Other,
        };
        let Some(id) = text("/id").filter(|id| is_resource_id(id)) else { return Read::Unreadable };
        let key = ItemKey { collection: String::from(collection), id };
        if kind.starts_with("Deleted") {
            // This API shows an unpublished item as deleted. The revision of a deletion is not that of the item.
            return Read::Deletion(Deletion { key, at: at("deletedAt").or_else(|| at("updatedAt")) });
        }
        let Some(content_type) = content_type else { return Read::Unreadable };
        Read::Item(Item {
            key,
            content_type,
            locales: locales(&self.body),
            // Everything that this API shows is published.
            published: true,
            revision: self.sys.get("revision").and_then(Value::as_i64),
            version: at("updatedAt"),
            body: Value::Object(self.body),
        })
    }
}

fn locales(body: &Map<String, Value>) -> Vec<String> {
    // Each field is an object with a value for each language.
    let fields = body.get("fields").and_then(Value::as_object);
    let by_locale = fields.into_iter().flat_map(Map::values).filter_map(Value::as_object);
    let locales: BTreeSet<&String> = by_locale.flat_map(Map::keys).collect();
    locales.into_iter().cloned().collect()
}
