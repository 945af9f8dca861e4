//! What Directus is asked: <https://directus.io/docs/guides/connect/query-parameters>. Pure.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::cursor::{OVERLAP, Place, Stream};

/// Parameters of a call in its URL.
pub(crate) type Query = Vec<(&'static str, String)>;

/// A stream behind a place, or from `newest` on, or whole. It is a body and no URL: the items of one moment, all of which
/// an editor may have changed at once, are named in it.
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
        (Some(Place { at, ids }), _) => json!({ "_and": [
            { field: { "_gte": instant(*at) } },
            { "id": { "_nin": ids } },
        ] }),
        (None, Some(from)) => json!({ field: { "_gte": instant(from) } }),
        (None, None) => json!({ field: { "_nnull": true } }),
    });
    json!({ "query": { "filter": { "_and": conditions }, "sort": [field, "id"], "limit": page_size } })
}

/// Any item.
pub(crate) fn any() -> Query {
    page(None, "id", 1)
}

/// One item. Not `/items/{collection}/{id}`: that says 403 both of an item that is gone and of a collection that may not
/// be read, and then a token that has lost a permission would look like a deletion.
pub(crate) fn one(id: &str) -> Query {
    page(Some(json!({ "id": { "_eq": id } })), "id", 1)
}

fn page(filter: Option<Value>, sort: &str, limit: u32) -> Query {
    let filter = filter.map(|filter| ("filter", filter.to_string()));
    filter.into_iter().chain([("sort", sort.to_owned()), ("limit", limit.to_string())]).collect()
}

fn instant(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}
