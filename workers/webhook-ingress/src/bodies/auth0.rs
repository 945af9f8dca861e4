//! Auth0 Event Streams by webhook: `data.object.user_id` of one cloud event, or of an array of them.
//! <https://auth0.com/docs/customize/events/event-types>

use event_contract::IngressChange;
use serde::Deserialize;

use super::{Id, Named, Unreadable, known, one_or_many, text, time_of};

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

pub(crate) fn read(body: &[u8]) -> Result<Vec<Named>, Unreadable> {
    let events: Vec<Event> = one_or_many(body)?;
    events.into_iter().filter(|event| event.kind.starts_with(FAMILY)).map(named).collect()
}

fn named(event: Event) -> Result<Named, Unreadable> {
    let kind = known(KINDS, &event.kind);
    let Object { user_id, updated_at, deleted_at } = event.data.object;
    let (change, not_before) = match kind {
        DELETED => (IngressChange::Deleted, deleted_at.or(event.time)),
        _ => (IngressChange::Changed, updated_at),
    };
    Ok(Named { id: text(user_id)?, kind, change, not_before: time_of(not_before.as_deref()) })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

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
        let at = |not_before, named: Named| Named { not_before: Some(not_before), ..named };
        let changed = |kind| Named::changed("auth0|1".to_owned(), kind);
        let present = at(datetime!(2026-11-21 7:00 UTC), changed("user.updated"));
        let gone = Named { change: IngressChange::Deleted, ..changed("user.deleted") };
        assert_eq!(read(updated.as_bytes()), Ok(vec![present.clone()]));
        let both = format!(" [{updated},{deleted}]");
        assert_eq!(read(both.as_bytes()), Ok(vec![present, at(datetime!(2026-11-21 8:00 UTC), gone)]));
        let other = br#"{"type":"organization.created","data":{"object":{"id":"org_1"}}}"#;
        assert_eq!(read(other), Ok(Vec::new()));
        for id in ["{}", r#"{"user_id":7}"#, r#"{"user_id":null}"#, r#"{"user_id":""}"#] {
            let nobody = format!(r#"[{updated},{{"type":"user.updated","data":{{"object":{id}}}}}]"#);
            assert_eq!(read(nobody.as_bytes()), Err(Unreadable), "{id}");
        }
        assert_eq!(read(b"{}"), Err(Unreadable));
    }
}
