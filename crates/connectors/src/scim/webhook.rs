//! Webhooks of SCIM servers. No standard says what they send. Accepted are thin events (see [`standard`]), and whole
//! resources, of which `id` and `meta.lastModified` are kept. They sign nothing.

use provider_http::json::{Json, Unread};
use provider_webhook::{
    HeaderMap, Keys, OTHER_KIND, Proof, UnreadableBody, Webhook, WebhookRecord, parse, standard,
};

use super::record::CORE_USER;

/// A SCIM server's webhooks, for `webhook-ingress`.
pub const WEBHOOK: Webhook =
    Webhook { keys: Keys::Text, proof: Proof::Authorization, read, challenge: None, signs_url: false };

fn read(_: &HeaderMap, body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    let resource = parse::<Json>(body)?.lifted(CORE_USER);
    let Some(schemas) = resource.at("schemas").list().map_err(|Unread| UnreadableBody)? else {
        return standard::read_thin_event(body);
    };
    let is_user = |schema: &Json| matches!(schema, Json::Text(name) if name.eq_ignore_ascii_case(CORE_USER));
    if !schemas.iter().any(is_user) {
        return Ok(Vec::new());
    }
    let id = resource.at("id").id().ok().flatten().ok_or(UnreadableBody)?;
    let modified = resource.at("meta").at("lastModified").time().ok().flatten();
    Ok(vec![WebhookRecord::changed(id, OTHER_KIND).not_before(modified)])
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
            r#"{{"schemas":["{CORE_USER}"],"id":"2819","userName":"x","meta":{{"lastModified":"2026-11-21T07:00:00Z"}}}}"#
        );
        let named = WebhookRecord::changed("2819".to_owned(), OTHER_KIND);
        let expected = named.clone().not_before(Some(datetime!(2026-11-21 7:00 UTC)));
        assert_eq!(read(body.as_bytes()), Ok(vec![expected]));
        assert_eq!(read(br#"{"type":"user.updated","data":{"id":"2819"}}"#), Ok(vec![named]));
        assert_eq!(read(br#"{"schemas":["urn:x:Group"],"id":"1"}"#), Ok(Vec::new()));
        assert_eq!(read(body.replace("2819", "").as_bytes()), Err(UnreadableBody));
        assert_eq!(read(br#"{"type":"user.updated","data":{"name":"x"}}"#), Err(UnreadableBody));
        assert_eq!(read(b"{}"), Err(UnreadableBody));
        let odd = format!(
            r#"{{"Schemas":"{}","ID":2819,"Meta":{{"LastModified":"2026-11-21 07:00:00"}}}}"#,
            CORE_USER.to_uppercase()
        );
        let below = format!(
            r#"{{"schemas":["{CORE_USER}"],"{CORE_USER}":{{"id":"2819","meta":{{"lastModified":"2026-11-21T07:00:00"}}}}}}"#
        );
        for body in [odd, below] {
            let at = Some(datetime!(2026-11-21 7:00 UTC));
            assert_eq!(
                read(body.as_bytes()),
                Ok(vec![WebhookRecord::changed("2819".to_owned(), OTHER_KIND).not_before(at)]),
                "{body}"
            );
        }
    }
}
