//! Okta event hooks: every target of type `User` of every event. <https://developer.okta.com/docs/concepts/event-hooks/>

use event_contract::IngressChange;
use serde::Deserialize;

use super::{Named, Unreadable, known, parse, time_of};

/// Only this one says that the user is gone: `initiated` comes while the user is still there.
const DELETED: &str = "user.lifecycle.delete.completed";

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
    target: Option<Vec<Target>>,
}

#[derive(Deserialize)]
struct Target {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
}

pub(crate) fn read(body: &[u8]) -> Result<Vec<Named>, Unreadable> {
    let hook: Hook = parse(body)?;
    Ok(hook.data.events.into_iter().flat_map(named).collect())
}

fn named(event: Event) -> impl Iterator<Item = Named> {
    let kind = known(KINDS, &event.event_type);
    // A record's own time is not in the event: when it was logged bounds nothing but a deletion.
    let (change, not_before) = match kind {
        DELETED => (IngressChange::Deleted, time_of(event.published.as_deref())),
        _ => (IngressChange::Changed, None),
    };
    let users = event.target.unwrap_or_default().into_iter().filter(|target| target.kind == "User");
    users.filter_map(move |user| Some(Named { id: user.id?, kind, change, not_before }))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn every_user_that_is_a_target_is_named_and_no_actor() {
        let body = br#"{"data":{"events":[
            {"eventType":"user.lifecycle.deactivate","published":"2026-11-20T15:12:08Z","actor":{"id":"00a","type":"User"},
             "target":[{"id":"00u","type":"User","displayName":"x"},{"id":"0oa","type":"AppInstance"}]},
            {"eventType":"user.lifecycle.delete.completed","published":"2026-11-20T15:12:08Z",
             "target":[{"id":"00v","type":"User"}]},
            {"eventType":"policy.rule.update","target":null}]}}"#;
        let gone = Named {
            change: IngressChange::Deleted,
            not_before: Some(datetime!(2026-11-20 15:12:08 UTC)),
            ..Named::changed("00v".to_owned(), DELETED)
        };
        let expected = vec![Named::changed("00u".to_owned(), "user.lifecycle.deactivate"), gone];
        assert_eq!(read(body), Ok(expected));
        assert_eq!(read(br#"{"data":{"events":[]}}"#), Ok(Vec::new()));
        assert_eq!(read(br#"{"data":{}}"#), Err(Unreadable));
    }
}
