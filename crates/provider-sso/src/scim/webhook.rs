//! Webhooks of SCIM servers. No standard says what they send. Accepted are thin events (see [`standard`]), and whole
//! resources, of which `id` and `meta.lastModified` are kept. They sign nothing.

use provider_webhook::{
    HeaderMap, Id, Keys, OTHER_KIND, Proof, UnreadableBody, Webhook, WebhookRecord, parse, rfc3339,
    secrets_setting, standard, text_id,
};
use serde::Deserialize;

use super::SOURCE;

/// A SCIM server's webhooks, for `webhook-ingress`.
pub const WEBHOOK: Webhook = Webhook {
    name: SOURCE,
    secrets: secrets_setting(
        "COPPICE_SCIM_WEBHOOK_SECRETS",
        "a SCIM server: values of its Authorization header",
    ),
    keys: Keys::Text,
    proof: Proof::Authorization,
    read,
    challenge: None,
};

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

fn read(_: &HeaderMap, body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    let resource: Resource = parse(body)?;
    let Some(schemas) = resource.schemas else { return standard::read_thin_event(body) };
    if !schemas.iter().any(|schema| schema == USER) {
        return Ok(Vec::new());
    }
    let modified = resource.meta.and_then(|meta| meta.last_modified);
    let not_before = rfc3339(modified.as_deref());
    Ok(vec![WebhookRecord::changed(text_id(resource.id)?, OTHER_KIND).not_before(not_before)])
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn read(body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
        (WEBHOOK.read)(&HeaderMap::new(), body)
    }

    #[test]
    fn a_resource_and_a_thin_event_name_their_users() {
        let body = format!(
            r#"{{"schemas":["{USER}"],"id":"2819","userName":"x","meta":{{"lastModified":"2026-11-21T07:00:00Z"}}}}"#
        );
        let named = WebhookRecord::changed("2819".to_owned(), OTHER_KIND);
        let expected = named.clone().not_before(Some(datetime!(2026-11-21 7:00 UTC)));
        assert_eq!(read(body.as_bytes()), Ok(vec![expected]));
        assert_eq!(read(br#"{"type":"user.updated","data":{"id":"2819"}}"#), Ok(vec![named]));
        assert_eq!(read(br#"{"schemas":["urn:x:Group"],"id":"1"}"#), Ok(Vec::new()));
        assert_eq!(read(body.replace("2819", "").as_bytes()), Err(UnreadableBody));
        assert_eq!(read(br#"{"type":"user.updated","data":{"name":"x"}}"#), Err(UnreadableBody));
        assert_eq!(read(b"{}"), Err(UnreadableBody));
    }
}
