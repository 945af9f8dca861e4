//! Okta's event hooks: every target of type `User` of every event
//! (<https://developer.okta.com/docs/concepts/event-hooks/>). Okta signs nothing.

use provider_webhook::{
    Challenge, HeaderMap, Id, Keys, Proof, UnreadableBody, Webhook, WebhookRecord, known_kind, parse,
    rfc3339, text_id,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Okta's event hooks, for `webhook-ingress`.
pub const WEBHOOK: Webhook = Webhook {
    keys: Keys::Text,
    proof: Proof::Authorization,
    read,
    challenge: Some(Challenge::Get(answer_challenge)),
    signs_url: false,
};

const MAX_CHALLENGE_BYTES: usize = 1024;

/// Only this type says that the user is gone: `initiated` comes while the user still exists.
const DELETED: &str = "user.lifecycle.delete.completed";

/// Families of types that are about a user. Not all of them change one: a report that names no user is none of [`KINDS`].
const FAMILIES: [&str; 2] = ["user.lifecycle.", "user.account."];

const KINDS: &[&str] = &[
    DELETED,
    "user.account.lock",
    "user.account.unlock",
    "user.account.update_primary_email",
    "user.account.update_profile",
    "user.lifecycle.activate",
    "user.lifecycle.create",
    "user.lifecycle.deactivate",
    "user.lifecycle.delete.initiated",
    "user.lifecycle.reactivate",
    "user.lifecycle.suspend",
    "user.lifecycle.unsuspend",
];

#[derive(Deserialize)]
struct Hook {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_type: String,
    published: Option<String>,
    actor: Option<Party>,
    target: Option<Vec<Party>>,
}

#[derive(Deserialize)]
struct Party {
    id: Option<Id>,
    #[serde(rename = "type")]
    kind: String,
}

fn answer_challenge(headers: &HeaderMap) -> Option<Value> {
    // Okta asks once, without its secret, whether the hook is ours:
    // <https://developer.okta.com/docs/concepts/event-hooks/#one-time-verification-request>.
    let challenge = headers.get("x-okta-verification-challenge")?.to_str().ok()?;
    let fits = !challenge.is_empty() && challenge.len() <= MAX_CHALLENGE_BYTES;
    fits.then(|| json!({"verification": challenge}))
}

fn read(_: &HeaderMap, body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    let hook: Hook = parse(body)?;
    let mut all = Vec::new();
    for event in hook.data.events {
        all.extend(named(event)?);
    }
    Ok(all)
}

fn named(event: Event) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    let kind = known_kind(KINDS, &event.event_type);
    // The event does not have the record's own time. The time of the log entry bounds a deletion only.
    let removed = kind == DELETED;
    let not_before = rfc3339(event.published.as_deref()).filter(|_| removed);
    let user = |party: &Party| party.kind == "User";
    let mut users: Vec<Party> = event.target.unwrap_or_default().into_iter().filter(user).collect();
    let of_a_family = FAMILIES.iter().any(|family| event.event_type.starts_with(family));
    // About the actor's own account, as in the log stream. If the actor is an administrator, one record is read needlessly.
    if users.is_empty() && of_a_family && kind != DELETED {
        users.extend(event.actor.filter(user));
    }
    if users.is_empty() && KINDS.contains(&kind) {
        return Err(UnreadableBody);
    }
    let record = |user: Party| {
        let user = WebhookRecord::changed(text_id(user.id)?, kind);
        Ok(user.removed_if(removed).not_before(not_before))
    };
    users.into_iter().map(record).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn read(body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
        (WEBHOOK.read)(&HeaderMap::new(), body)
    }

    #[test]
    fn a_challenge_of_up_to_a_kibibyte_is_sent_back() {
        let answer = |challenge: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-okta-verification-challenge", challenge.parse().unwrap());
            answer_challenge(&headers)
        };
        for challenge in ["q", &"q".repeat(MAX_CHALLENGE_BYTES)] {
            assert_eq!(answer(challenge), Some(json!({"verification": challenge})));
        }
        assert_eq!(answer(&"q".repeat(MAX_CHALLENGE_BYTES + 1)), None);
        assert_eq!(answer(""), None);
        assert_eq!(answer_challenge(&HeaderMap::new()), None);
    }

    #[test]
    fn every_target_user_is_named_and_the_actor_is_not() {
        let body = br#"{"data":{"events":[
            {"eventType":"user.lifecycle.deactivate","published":"2026-11-20T15:12:08Z","actor":{"id":"00a","type":"User"},
             "target":[{"id":"00u","type":"User","displayName":"x"},{"id":"0oa","type":"AppInstance"}]},
            {"eventType":"user.lifecycle.delete.completed","published":"2026-11-20T15:12:08Z",
             "target":[{"id":"00v","type":"User"}]},
            {"eventType":"policy.rule.update","target":null}]}}"#;
        let gone = WebhookRecord::changed("00v".to_owned(), DELETED)
            .removed_if(true)
            .not_before(Some(datetime!(2026-11-20 15:12:08 UTC)));
        let expected = vec![WebhookRecord::changed("00u".to_owned(), "user.lifecycle.deactivate"), gone];
        assert_eq!(read(body), Ok(expected));
        assert_eq!(read(br#"{"data":{"events":[]}}"#), Ok(Vec::new()));
        assert_eq!(read(br#"{"data":{}}"#), Err(UnreadableBody));
    }

    #[test]
    fn an_entry_without_a_target_names_the_actor() {
        let event = |kind: &str, rest: &str| {
            format!(r#"{{"data":{{"events":[{{"eventType":"{kind}",{rest}}}]}}}}"#).into_bytes()
        };
        let (lock, own) = ("user.account.lock", r#""actor":{"id":"00a","type":"User"}"#);
        let expected = Ok(vec![WebhookRecord::changed("00a".to_owned(), lock)]);
        for target in ["", r#","target":null"#, r#","target":[]"#, r#","target":[{"id":"x","type":"Role"}]"#]
        {
            assert_eq!(read(&event(lock, &format!("{own}{target}"))), expected, "{target}");
        }
        let without_id = [
            (lock, r#""actor":{"id":"s","type":"SystemPrincipal"}"#),
            (lock, r#""actor":{"type":"User"}"#),
            (lock, r#""actor":null"#),
            (lock, r#""target":[{"id":7,"type":"User"}]"#),
            (DELETED, own),
        ];
        for (kind, rest) in without_id {
            assert_eq!(read(&event(kind, rest)), Err(UnreadableBody), "{kind} {rest}");
        }
        assert_eq!(read(&event("user.session.start", own)), Ok(Vec::new()));
        assert_eq!(read(&event("user.lifecycle.password_mass_expiry", r#""actor":null"#)), Ok(Vec::new()));
    }
}
