//! SCIM servers: no standard says what they send. Taken are thin events, as of [`standard`], and whole resources, of which
//! `id` and `meta.lastModified` are kept.

use serde::Deserialize;

use super::{Id, Named, OTHER, Unreadable, parse, standard, text, time_of};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

#[derive(Deserialize)]
struct Resource {
    schemas: Option<Vec<String>>,
    id: Option<Id>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    last_modified: Option<String>,
}

pub(crate) fn read(body: &[u8]) -> Result<Vec<Named>, Unreadable> {
    let resource: Resource = parse(body)?;
    let Some(schemas) = resource.schemas else { return standard::read(body) };
    if !schemas.iter().any(|schema| schema == USER) {
        return Ok(Vec::new());
    }
    let modified = resource.meta.and_then(|meta| meta.last_modified);
    let not_before = time_of(modified.as_deref());
    Ok(vec![Named { not_before, ..Named::changed(text(resource.id)?, OTHER) }])
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_resource_and_a_thin_event_name_their_users() {
        let body = format!(
            r#"{{"schemas":["{USER}"],"id":"2819","userName":"x","meta":{{"lastModified":"2026-11-21T07:00:00Z"}}}}"#
        );
        let named = Named::changed("2819".to_owned(), OTHER);
        let expected = Named { not_before: Some(datetime!(2026-11-21 7:00 UTC)), ..named.clone() };
        assert_eq!(read(body.as_bytes()), Ok(vec![expected]));
        assert_eq!(read(br#"{"type":"user.updated","data":{"id":"2819"}}"#), Ok(vec![named]));
        assert_eq!(read(br#"{"schemas":["urn:x:Group"],"id":"1"}"#), Ok(Vec::new()));
        assert_eq!(read(body.replace("2819", "").as_bytes()), Err(Unreadable));
        assert_eq!(read(br#"{"type":"user.updated","data":{"name":"x"}}"#), Err(Unreadable));
        assert_eq!(read(b"{}"), Err(Unreadable));
    }
}
