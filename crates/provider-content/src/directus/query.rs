//! The queries to Directus: <https://directus.io/docs/guides/connect/query-parameters>. Pure.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::cursor::{OVERLAP, Place, Stream};

pub(crate) type Query = Vec<(&'static str, String)>;

/// A stream after a place, or since `newest`, or complete.
pub(crate) fn changes(
    stream: Stream,
    after: Option<&Place>,
    newest: Option<OffsetDateTime>,
    page_size: u32,
) -> Value {
    let field = stream.field();
    let mut conditions = vec![];
    if stream == Stream::Created {
        conditions.push(json!({ "date_updated": { "_null": true } }));
    }
    conditions.push(match (after, newest.and_then(|at| at.checked_sub(OVERLAP))) {
        // The items of that moment are named, since Directus compares no UUIDs.
        (Some(Place { at, ids }), _) => json!({ "_and": [
            { field: { "_gte": instant(*at) } },
            { "id": { "_nin": ids } },
        ] }),
        (None, Some(from)) => json!({ field: { "_gte": instant(from) } }),
        (None, None) => json!({ field: { "_nnull": true } }),
    });
    // A body and no URL: it may name many items, since an editor may have changed many at once.
    json!({ "query": { "filter": { "_and": conditions }, "sort": [field, "id"], "limit": page_size } })
}

pub(crate) fn any() -> Query {
    page(None, "id", 1)
}

pub(crate) fn one(id: &str) -> Query {
    // Not `/items/{collection}/{id}`: there Directus answers 403 both for an item that is gone and for a collection that we may
    // not read. Then a token that has lost a permission would look like a deletion.
    page(Some(json!({ "id": { "_eq": id } })), "id", 1)
}

fn page(filter: Option<Value>, sort: &str, limit: u32) -> Query {
    let filter = filter.map(|filter| ("filter", filter.to_string()));
    filter.into_iter().chain([("sort", sort.to_owned()), ("limit", limit.to_string())]).collect()
}

fn instant(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}
