//! Contentful: `sys.id` of an entry or asset. The kind of event stands in the header `x-contentful-topic` alone.
//! <https://www.contentful.com/developers/docs/webhooks/overview/>

use axum::http::HeaderMap;
use event_contract::IngressChange;
use serde::Deserialize;

use super::{Id, Named, OTHER, Unreadable, known, parse, text, time_of};

const KINDS: &[&str] = &[
    "ContentManagement.Asset.archive",
    "ContentManagement.Asset.delete",
    "ContentManagement.Asset.publish",
    "ContentManagement.Asset.unarchive",
    "ContentManagement.Asset.unpublish",
    "ContentManagement.Entry.archive",
    "ContentManagement.Entry.delete",
    "ContentManagement.Entry.publish",
    "ContentManagement.Entry.unarchive",
    "ContentManagement.Entry.unpublish",
];

#[derive(Deserialize)]
struct Record {
    sys: Sys,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sys {
    #[serde(rename = "type")]
    kind: String,
    id: Option<Id>,
    updated_at: Option<String>,
}

pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Named>, Unreadable> {
    let Record { sys } = parse(body)?;
    let (change, not_before) = match sys.kind.as_str() {
        "Entry" | "Asset" => (IngressChange::Changed, time_of(sys.updated_at.as_deref())),
        "DeletedEntry" | "DeletedAsset" => (IngressChange::Deleted, None),
        _ => return Ok(Vec::new()),
    };
    let topic = headers.get("x-contentful-topic").and_then(|topic| topic.to_str().ok());
    let kind = topic.map_or(OTHER, |topic| known(KINDS, topic));
    Ok(vec![Named { id: text(sys.id)?, kind, change, not_before }])
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_entry_is_named_and_nothing_of_its_fields() {
        let topic = "ContentManagement.Entry.publish";
        let mut headers = HeaderMap::new();
        headers.insert("x-contentful-topic", HeaderValue::from_static(topic));
        let body =
            br#"{"sys":{"type":"Entry","id":"6l","updatedAt":"2026-11-23T05:58:12Z"},"fields":{"t":"x"}}"#;
        let expected = Named {
            not_before: Some(datetime!(2026-11-23 05:58:12 UTC)),
            ..Named::changed("6l".to_owned(), topic)
        };
        assert_eq!(read(&headers, body), Ok(vec![expected]));
        let gone = read(&HeaderMap::new(), br#"{"sys":{"type":"DeletedEntry","id":"6l"}}"#).unwrap();
        let expected = Named { change: IngressChange::Deleted, ..Named::changed("6l".to_owned(), OTHER) };
        assert_eq!(gone, [expected]);
        assert_eq!(read(&headers, br#"{"sys":{"type":"ContentType","id":"x"}}"#), Ok(Vec::new()));
        assert_eq!(read(&headers, br#"{"sys":{"type":"Entry","id":7}}"#), Err(Unreadable));
        assert_eq!(read(&headers, br#"{"sys":{"type":"DeletedEntry"}}"#), Err(Unreadable));
        assert_eq!(read(&headers, b"{}"), Err(Unreadable));
    }
}
