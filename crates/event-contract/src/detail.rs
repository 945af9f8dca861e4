//! What may be the detail of an event that Coppice writes, besides an [`Announcement`](crate::Announcement).

use serde::Serialize;

use crate::{Heartbeat, IngressEvent, Poison};

/// A type that an event is made of. Only this crate can have one, so every field of every event stands here.
pub trait Detail: Serialize + sealed::Sealed {}

impl Detail for Heartbeat {}
impl Detail for IngressEvent {}
impl Detail for Poison {}

mod sealed {
    use super::{Heartbeat, IngressEvent, Poison};

    pub trait Sealed {}

    impl Sealed for Heartbeat {}
    impl Sealed for IngressEvent {}
    impl Sealed for Poison {}
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;
    use crate::{
        Announcement, DRILL_SOURCE, Envelope, EventKind, HEARTBEAT, Hop, IngressChange, POISON, RecordHint,
        SCHEMA_VERSION, TraceContext, queued_event,
    };

    fn announcement() -> Announcement {
        Announcement {
            schema: SCHEMA_VERSION,
            event_id: Uuid::max(),
            entity_id: Uuid::max(),
            revision: 3,
            cause: Uuid::max(),
            hop: Hop::OUTSIDE,
            traceparent: TraceContext::start(),
        }
    }

    fn ingress() -> IngressEvent {
        let not_before = Some(OffsetDateTime::UNIX_EPOCH);
        let account = Some(String::from("acct_1"));
        IngressEvent { ids: vec![String::from("a")], change: IngressChange::Changed, not_before, account }
    }

    fn heartbeat() -> Heartbeat {
        Heartbeat { unit: String::from("crm-sync"), heartbeat: Uuid::max() }
    }

    fn poison() -> Poison {
        Poison { unit: String::from("crm-sync"), drill: Uuid::max() }
    }

    /// A writer cannot write another field. A new one has to be added here, and so to the list in docs/reference/events.md.
    #[test]
    fn a_writer_writes_these_fields_and_no_others() {
        let fields = |detail: Value| detail.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let written = fields(serde_json::from_str(&announcement().to_detail()).unwrap());
        let expected = ["cause", "entity_id", "event_id", "hop", "revision", "schema", "traceparent"];
        assert_eq!(written, expected);
        assert_eq!(fields(json!(ingress())), ["account", "change", "ids", "not_before"]);
        assert_eq!(fields(json!(heartbeat())), ["heartbeat", "unit"]);
        assert_eq!(fields(json!(poison())), ["drill", "unit"]);
    }

    /// The body of an event of the next version: with a field that this version does not know, in the detail and around it.
    fn of_the_next_version(source: &str, detail_type: &str, detail: Value, added: &Value) -> String {
        let mut event: Value =
            serde_json::from_str(&queued_event(source, detail_type, &heartbeat())).unwrap();
        event["detail"] = detail;
        event["detail"]["added"] = added.clone();
        event["added"] = added.clone();
        event.to_string()
    }

    /// During an upgrade, units of this version receive events of the next one.
    #[test]
    fn a_reader_ignores_what_the_next_version_adds() {
        for added in [json!(null), json!(7), json!("text"), json!({"nested": [1]})] {
            let next = |source: &str, detail_type: &str, detail: Value| {
                of_the_next_version(source, detail_type, detail, &added)
            };
            let kind = EventKind::PersonChanged;
            let written = serde_json::from_str(&announcement().to_detail()).unwrap();
            let internal = Envelope::parse(&next("coppice", kind.detail_type(), written)).unwrap();
            let (read_kind, read) = Announcement::parse(&internal).unwrap();
            // Each has a trace of its own.
            let expected = Announcement { traceparent: read.traceparent, ..announcement() };
            assert_eq!((read_kind, read), (kind, expected), "{added}");

            let outside =
                Envelope::parse(&next("coppice.ingress.scim", "changed", json!(ingress()))).unwrap();
            let not_before = Some(OffsetDateTime::UNIX_EPOCH);
            let hint = RecordHint { not_before, ..RecordHint::changed(String::from("a")) };
            assert_eq!(outside.ingress_hints(), Ok(vec![hint]), "{added}");

            let beat = next(DRILL_SOURCE, HEARTBEAT, json!(heartbeat()));
            assert_eq!(Heartbeat::in_body(&beat), Some(heartbeat()), "{added}");
            let poisoned = next("coppice.ingress.scim", POISON, json!(poison()));
            assert_eq!(Poison::in_body(&poisoned), Some(poison()), "{added}");
        }
    }
}
