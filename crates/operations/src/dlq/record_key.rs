//! Which records a message names: messages that name the same records can stand for each other. Pure.

use connectors::{RecordEvent, SourceEvents};
use event_contract::{Announcement, EVERYTHING, Envelope, INTERNAL_SOURCE};
use serde::Serialize;
use time::OffsetDateTime;

use super::queues::UNDELIVERED;

/// Units whose messages each count, and the queue that is no unit's.
const NEVER_SHARED: [&str; 2] = ["app-login", UNDELIVERED];

pub(super) const PERSON: &str = "person";

/// The records that a message names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordKey {
    /// The source's name, as `auth0`; `person` for an internal event.
    pub source: String,
    /// The source's IDs, in order.
    pub ids: Vec<String>,
    /// The newest lower bound in the message: a refetch that answers with an older version comes from a stale replica.
    #[serde(skip)]
    pub(super) not_before: Option<OffsetDateTime>,
}

impl RecordKey {
    pub(super) fn of(sources: &[SourceEvents], envelope: &Envelope) -> Option<Self> {
        if envelope.source == INTERNAL_SOURCE {
            let (_, announcement) = Announcement::parse(envelope).ok()?;
            let ids = vec![announcement.entity_id.to_string()];
            return Some(Self { source: PERSON.to_owned(), ids, not_before: None });
        }
        let source = sources.iter().find(|source| source.origin(envelope).is_ok())?;
        let RecordEvent::Records(hints) = source.read(envelope).ok()? else { return None };
        let source = source.name.to_string();
        let not_before = hints.iter().filter_map(|hint| hint.not_before).max();
        let mut ids: Vec<String> = hints.into_iter().map(|hint| hint.id).collect();
        ids.sort();
        ids.dedup();
        // An event about everything names no record.
        let named = !ids.is_empty() && ids.iter().all(|id| id != EVERYTHING);
        named.then_some(Self { source, ids, not_before })
    }

    pub(super) fn shared_by(&self, branch: &str) -> Option<(&str, &[String])> {
        // Every sign-in is counted, and an undelivered event was meant for one of several units.
        let is = |never: &&str| {
            branch == *never || branch.strip_prefix(*never).is_some_and(|rest| rest.starts_with('-'))
        };
        (!NEVER_SHARED.iter().any(is)).then_some((self.source.as_str(), self.ids.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(source: &str, detail: &str) -> Envelope {
        let body = format!(
            r#"{{"id":"9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa","detail-type":"x","source":"{source}",
                "time":"2026-11-20T15:10:42Z","detail":{detail}}}"#
        );
        Envelope::parse(&body).unwrap()
    }

    /// One source of each connector, of its name.
    fn sources() -> Vec<SourceEvents> {
        let all = connectors::CONNECTORS.iter();
        all.map(|connector| SourceEvents::of(connector.name, connector)).collect()
    }

    #[test]
    fn the_records_of_every_provider_s_event_are_found() {
        for (source, [a, b]) in [
            ("auth0", ["auth0|a", "auth0|b"]),
            ("okta", ["00ua", "00ub"]),
            ("scim", ["a", "b"]),
            ("salesforce", ["0039x0000000001AAA", "0039x0000000002AAA"]),
            ("stripe", ["vs_a", "vs_b"]),
            ("persona", ["inq_a", "inq_b"]),
        ] {
            let ids = format!(r#"{{"ids":["{b}","{a}","{b}"],"change":"changed"}}"#);
            let record =
                RecordKey::of(&sources(), &event(&format!("coppice.ingress.{source}"), &ids)).unwrap();
            assert_eq!((record.source.as_str(), record.ids), (source, vec![a.to_owned(), b.to_owned()]));
        }
        let ids = r#"{"ids":["a"],"change":"changed"}"#;
        assert_eq!(
            RecordKey::of(&sources(), &event("coppice.ingress.auth0", r#"{"ids":[],"change":"changed"}"#)),
            None
        );
        assert_eq!(RecordKey::of(&sources(), &event("unknown.source", ids)), None);
    }

    #[test]
    fn a_sign_in_stands_for_itself() {
        let ids = r#"{"ids":["a"],"change":"changed"}"#;
        let record = RecordKey::of(&sources(), &event("coppice.ingress.okta", ids)).unwrap();
        assert!(record.shared_by("sso-sync-okta").is_some());
        assert_eq!(record.shared_by("app-login-okta"), None);
    }
}
