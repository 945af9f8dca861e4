//! The answers of content management systems, for [`crate::check`].

use provider_content::{ChangesError, ChangesPage, ContentProvider as _, FetchedItem, Item, ProviderError};
use serde_json::{Map, Value, json};

use crate::answers::{Answer, Place, Reading, is_id, is_number, is_text};
use crate::corpus::fixture;
use crate::replies::{key, read};

/// Every answer that a connector of a CMS reads.
pub fn content_answers() -> Vec<Answer> {
    let mut sync = fixture("crates/provider-content/tests/fixtures/contentful-sync.json");
    // A link to the server of the request, whatever its address.
    sync["nextSyncUrl"] = json!("?sync_token=w5Z");
    let entry = sync["items"][0].clone();
    let items = [("6lNoticeQuay", 10), ("d99bd50f", 20), ("eed9320a", 30)].map(|(id, minute)| {
        json!({"id": id, "title": "Quay closure", "status": "published", "sort": null, "tags": ["quay", "harbor"],
            "date_created": format!("2026-11-23T06:{minute}:35.934Z"), "date_updated": format!("2026-11-24T06:{minute}:35.934Z")})
    });
    let item = items[0].clone();
    vec![
        Answer::new(
            "contentful sync",
            sync,
            |body| page(read(body, async |world| world.contentful.changed_since(None).await)),
            SYNC,
        )
        .with_exact_names(&["/items/0/fields"]),
        Answer::new(
            "contentful entry",
            entry,
            |body| content(read(body, async |world| world.contentful.fetch_item(&key("entry")).await)),
            ENTRY,
        )
        .with_exact_names(&["/fields"]),
        Answer::new(
            "directus changes",
            json!({"data": items}),
            |body| page(read(body, async |world| world.directus.changed_since(None).await)),
            DIRECTUS_PAGE,
        )
        .with_exact_names(&["/data/0/tags", "/data/1/tags", "/data/2/tags"]),
        Answer::new(
            "directus item",
            json!({"data": [item]}),
            |body| content(read(body, async |world| world.directus.fetch_item(&key("articles")).await)),
            DIRECTUS,
        )
        .with_exact_names(&["/data/0/tags"]),
        Answer::new(
            "contentful total",
            json!({"sys": {"type": "Array"}, "total": 7, "skip": 0, "limit": 0, "items": []}),
            |body| count(read(body, async |world| world.contentful.count().await)),
            CONTENTFUL_TOTAL,
        ),
        Answer::new(
            "directus count",
            json!({"data": [{"count": 7}]}),
            |body| count(read(body, async |world| world.directus.count().await)),
            DIRECTUS_COUNT,
        ),
    ]
}

const CONTENTFUL_TOTAL: &[Place] = &[Place::needed("/total", &["count"], is_number)];

const DIRECTUS_COUNT: &[Place] =
    &[Place::needed("/data", &[], |_| false), Place::needed("/data/0/count", &["count"], is_number)];

const SYNC: &[Place] = &[
    Place::needed("/items", &["6lNoticeQuay", "2oldNotice", "count"], |_| true),
    Place::optional("/items/0", &["6lNoticeQuay"]),
    Place::optional("/items/1", &["2oldNotice"]),
    Place::needed("/nextSyncUrl", &["next"], |_| false),
];

const ENTRY: &[Place] = &[
    Place::needed("/sys/id", &["id"], |_| false),
    Place::needed("/sys/type", &[], |_| false),
    Place::needed("/sys/contentType/sys", &["content_type"], Value::is_object),
    Place::needed("/sys/contentType/sys/id", &["content_type"], is_text),
    Place::optional("/sys/revision", &["revision"]),
    Place::optional("/sys/updatedAt", &["version"]),
    Place::needed("/fields", &["fields", "locales"], |_| true),
];

const DIRECTUS_PAGE: &[Place] = &[
    Place::needed("/data", &["6lNoticeQuay", "d99bd50f", "eed9320a", "count", "next", "more"], |_| false),
    Place::optional("/data/0", &["6lNoticeQuay"]),
    Place::optional("/data/1", &["d99bd50f"]),
    Place::optional("/data/2", &["eed9320a", "next"]),
];

const ITEM: &[&str] =
    &["id", "content_type", "locales", "published", "revision", "version", "title", "status", "tags"];

// The whole item is its body.
const DIRECTUS: &[Place] = &[
    Place::deep("/data", ITEM, |_| false),
    Place::deep("/data/0", &[], |_| false),
    Place::needed("/data/0/id", &["id"], |_| false),
    Place::needed("/data/0/status", &["published", "status"], |_| true),
    Place::needed("/data/0/title", &["title"], |_| true),
    Place::needed("/data/0/tags", &["tags"], |_| true),
    Place::needed("/data/0/date_updated", &["version"], |_| true),
    Place::needed("/data/0/date_created", &[], is_id),
];

fn values(item: &Item) -> Map<String, Value> {
    let at = item.version.map(|at| at.to_string());
    let own = json!({"id": item.key.id, "content_type": item.content_type, "locales": item.locales, "published": item.published,
        "revision": item.revision, "version": at});
    let kept = |name: &str| Some((name.to_owned(), item.body.get(name)?.clone()));
    let body = ["fields", "title", "tags", "status"].into_iter().filter_map(kept);
    own.as_object().cloned().into_iter().flatten().chain(body).collect()
}

fn count(count: Result<u64, ProviderError>) -> Reading {
    let count = count.map_err(|error| error.to_string())?;
    Ok([("count".to_owned(), json!(count))].into_iter().collect())
}

fn page(changes: Result<ChangesPage, ChangesError>) -> Reading {
    let ChangesPage { items, deletions, ignored, next, more } = changes.map_err(|error| error.to_string())?;
    let count = items.len() + deletions.len() + ignored;
    let items = items.iter().map(|item| (item.key.id.clone(), Value::Object(values(item))));
    let deletions = deletions.into_iter().map(|gone| (gone.key.id, json!(gone.at.map(|at| at.to_string()))));
    let end = [("count", json!(count)), ("next", json!(next)), ("more", json!(more))];
    Ok(items.chain(deletions).chain(end.map(|(name, value)| (name.to_owned(), value))).collect())
}

fn content(fetched: Result<FetchedItem, ProviderError>) -> Reading {
    match fetched.map_err(|error| error.to_string())? {
        FetchedItem::Found(item) => Ok(values(&item)),
        FetchedItem::Gone => Ok(Map::new()),
    }
}
