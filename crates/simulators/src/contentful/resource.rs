//! Entries and assets as the API writes them:
//! <https://www.contentful.com/developers/docs/references/content-delivery-api/#/introduction/common-resource-attributes>.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::state::Key;
use super::state::{ENVIRONMENT, SPACE};

pub(crate) fn published(
    key: &Key,
    content_type: Option<&str>,
    fields: &Value,
    revision: u64,
    created_at: &Value,
    now: OffsetDateTime,
) -> Value {
    let (kind, id) = key;
    let mut sys = sys(kind, id);
    sys.insert("createdAt".to_owned(), created_at.clone());
    sys.insert("updatedAt".to_owned(), json!(timestamp(now)));
    sys.insert("revision".to_owned(), json!(revision));
    if let Some(content_type) = content_type {
        sys.insert("contentType".to_owned(), link("ContentType", content_type));
    }
    json!({ "metadata": { "tags": [], "concepts": [] }, "sys": sys, "fields": fields })
}

pub(crate) fn deleted(key: &Key, now: OffsetDateTime) -> Value {
    let (kind, id) = key;
    let mut sys = sys(&format!("Deleted{kind}"), id);
    for time in ["createdAt", "updatedAt", "deletedAt"] {
        sys.insert(time.to_owned(), json!(timestamp(now)));
    }
    sys.insert("revision".to_owned(), json!(1));
    json!({ "sys": sys })
}

/// In the default language alone, as a reader gets it who does not ask for all.
pub(crate) fn in_default_language(resource: &Value) -> Value {
    let mut resource = resource.clone();
    if let Some(fields) = resource["fields"].as_object_mut() {
        for value in fields.values_mut() {
            *value = value["en-US"].take();
        }
    }
    resource["sys"]["locale"] = json!("en-US");
    resource
}

fn sys(kind: &str, id: &str) -> Map<String, Value> {
    let fields = [
        ("type", json!(kind)),
        ("id", json!(id)),
        ("space", link("Space", SPACE)),
        ("environment", link("Environment", ENVIRONMENT)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn link(kind: &str, id: &str) -> Value {
    json!({ "sys": { "type": "Link", "linkType": kind, "id": id } })
}

/// With milliseconds, as Contentful writes times.
pub(crate) fn timestamp(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    at.format(format).expect("the present can be written")
}
