//! Contentful's resources and pages, and their mapping to [`Item`] and [`ChangesPage`].
//! <https://www.contentful.com/developers/docs/references/content-delivery-api/#/introduction/common-resource-attributes>

use std::collections::BTreeSet;

use provider_http::ProviderError;
use provider_http::json::{Field, Json, kept, needed, readable};
use serde_json::{Map, Value};

use crate::{ChangesPage, Deletion, Item, ItemKey};

pub(crate) const ENTRY: &str = "entry";

/// The collection of assets, and the content type of each of them.
pub(crate) const ASSET: &str = "asset";

/// The last page links to the next sync, every other page to the next page.
pub(crate) struct SyncPage(Json);

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
    pub(crate) const fn new(page: Json) -> Self {
        Self(page)
    }

    /// The link of the page, and true if it leads to a page that exists already.
    pub(crate) fn link(&self) -> Result<(String, bool), ProviderError> {
        let link = |name| readable(name, self.0.at(name).text());
        match (link("nextPageUrl")?, link("nextSyncUrl")?) {
            (Some(page), None) => Ok((page, true)),
            (None, Some(sync)) => Ok((sync, false)),
            _ => Err(ProviderError::WHOLE_REPLY_MALFORMED),
        }
    }

    /// An error if no resource of the page can be read.
    pub(crate) fn changes(&self, next: String, more: bool) -> Result<ChangesPage, ProviderError> {
        let resources = needed("items", self.0.at("items").list())?;
        let mut page = ChangesPage { items: Vec::new(), deletions: Vec::new(), ignored: 0, next, more };
        let mut unreadable = 0;
        for resource in resources {
            match read(resource) {
                Read::Item(item) => page.items.push(item),
                Read::Deletion(deletion) => page.deletions.push(deletion),
                Read::Other => page.ignored += 1,
                Read::Unreadable => unreadable += 1,
            }
        }
        page.ignored += unreadable;
        let readable = unreadable == 0 || unreadable < resources.len();
        if readable { Ok(page) } else { Err(ProviderError::WHOLE_REPLY_MALFORMED) }
    }
}

/// `None`: it is no item that can be read.
pub(crate) fn item(resource: &Json) -> Option<Item> {
    match read(resource) {
        Read::Item(item) => Some(item),
        Read::Deletion(_) | Read::Other | Read::Unreadable => None,
    }
}

fn read(resource: &Json) -> Read {
    let sys = resource.at("sys");
    let text = |field: Field<'_>| field.text().ok().flatten();
    let id = |field| text(field).filter(|id| is_resource_id(id));
    let at = |name| sys.at(name).time().ok().flatten();
    let Some(kind) = text(sys.at("type")) else { return Read::Unreadable };
    let (collection, content_type) = match kind.as_str() {
        "Entry" => (ENTRY, id(sys.at("contentType").at("sys").at("id"))),
        "Asset" => (ASSET, Some(String::from(ASSET))),
        "DeletedEntry" => (ENTRY, None),
        "DeletedAsset" => (ASSET, None),
        _ => return Read::Other,
    };
    let Some(id) = id(sys.at("id")) else { return Read::Unreadable };
    let key = ItemKey { collection: String::from(collection), id };
    if kind.starts_with("Deleted") {
        // This API shows an unpublished item as deleted. The revision of a deletion is not that of the item.
        return Read::Deletion(Deletion { key, at: at("deletedAt").or_else(|| at("updatedAt")) });
    }
    let (Some(content_type), Some(body)) = (content_type, body(resource)) else { return Read::Unreadable };
    let revision = sys.at("revision").number().ok().flatten();
    Read::Item(Item {
        key,
        content_type,
        locales: locales(&body),
        // Everything that this API shows is published.
        published: true,
        revision: revision.and_then(|revision| i64::try_from(revision).ok()),
        version: at("updatedAt"),
        body: Value::Object(body),
    })
}

/// Everything beside `sys`. `None`: it contradicts itself.
fn body(resource: &Json) -> Option<Map<String, Value>> {
    let Json::Object(fields) = resource else { return None };
    kept(fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("sys"))).ok()
}

fn locales(body: &Map<String, Value>) -> Vec<String> {
    // Each field is an object with a value for each language.
    let fields = body.get("fields").and_then(Value::as_object);
    let by_locale = fields.into_iter().flat_map(Map::values).filter_map(Value::as_object);
    let locales: BTreeSet<&String> = by_locale.flat_map(Map::keys).collect();
    locales.into_iter().cloned().collect()
}
