//! Auth0's Event Streams by webhook: `data.object.user_id` of one cloud event, or of an array of them
//! (<https://auth0.com/docs/customize/events/event-types>). Auth0 signs nothing.

use provider_webhook::{
    HeaderMap, Id, Keys, Proof, UnreadableBody, Webhook, WebhookRecord, known_kind, one_or_many, rfc3339,
    text_id,
};
use serde::Deserialize;

/// Auth0's webhooks, for `webhook-ingress`.
pub const WEBHOOK: Webhook =
    Webhook { keys: Keys::Text, proof: Proof::Authorization, read, challenge: None, signs_url: false };

const FAMILY: &str = "user.";

const DELETED: &str = "user.deleted";

const KINDS: &[&str] = &["user.created", DELETED, "user.updated"];

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    time: Option<String>,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    user_id: Option<Id>,
    updated_at: Option<String>,
    deleted_at: Option<String>,
}

fn read(_: &HeaderMap, body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    let events: Vec<Event> = one_or_many(body)?;
    events.into_iter().filter(|event| event.kind.starts_with(FAMILY)).map(named).collect()
}

fn named(event: Event) -> Result<WebhookRecord, UnreadableBody> {
    let kind = known_kind(KINDS, &event.kind);
    let Object { user_id, updated_at, deleted_at } = event.data.object;
    let removed = kind == DELETED;
    let not_before = if removed { deleted_at.or(event.time) } else { updated_at };
    let user = WebhookRecord::changed(text_id(user_id)?, kind);
    Ok(user.removed_if(removed).not_before(rfc3339(not_before.as_deref())))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn read(body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
        (WEBHOOK.read)(&HeaderMap::new(), body)
    }

    #[test]
    fn one_event_or_several_name_their_users() {
        let event = |kind: &str, times: &str| {
            let object = format!(r#"{{"user_id":"auth0|1","email":"x",{times}}}"#);
            format!(r#"{{"type":"{kind}","time":"2026-11-21T08:00:05Z","data":{{"object":{object}}}}}"#)
        };
        let updated = event("user.updated", r#""updated_at":"2026-11-21T07:00:00Z""#);
        let deleted = event(
            "user.deleted",
            r#""updated_at":"2026-11-21T07:00:00Z","deleted_at":"2026-11-21T08:00:00Z""#,
        );
        let changed = |kind| WebhookRecord::changed("auth0|1".to_owned(), kind);
        let present = changed("user.updated").not_before(Some(datetime!(2026-11-21 7:00 UTC)));
        let gone = changed("user.deleted").removed_if(true).not_before(Some(datetime!(2026-11-21 8:00 UTC)));
        assert_eq!(read(updated.as_bytes()), Ok(vec![present.clone()]));
        let both = format!(" [{updated},{deleted}]");
        assert_eq!(read(both.as_bytes()), Ok(vec![present, gone]));
        let other = br#"{"type":"organization.created","data":{"object":{"id":"org_1"}}}"#;
        assert_eq!(read(other), Ok(Vec::new()));
        for id in ["{}", r#"{"user_id":7}"#, r#"{"user_id":null}"#, r#"{"user_id":""}"#] {
            let without_id = format!(r#"[{updated},{{"type":"user.updated","data":{{"object":{id}}}}}]"#);
            assert_eq!(read(without_id.as_bytes()), Err(UnreadableBody), "{id}");
        }
        assert_eq!(read(b"{}"), Err(UnreadableBody));
    }
}
