//! Synthetic events: heartbeats, and the poison of fire drills. Both name a unit and carry an ID of their own; neither can name
//! a record. A heartbeat is taken out of the queue before any handler sees it. Poison is for a handler to refuse.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Envelope;

/// `source` of synthetic events to units whose own rules match no source of ours: their rule for drills matches it.
pub const DRILL_SOURCE: &str = "coppice.drill";

/// `detail-type` of a heartbeat, whatever its source.
pub const HEARTBEAT: &str = "Heartbeat";

/// `detail-type` of poison, whatever its source.
pub const POISON: &str = "FireDrill";

const OUR_SOURCES: &str = "coppice.";

/// The detail of a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The unit whose route it tests.
    pub unit: String,
    /// Its ID, which the row about it has, too.
    pub heartbeat: Uuid,
}

/// The detail of poison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poison {
    /// The unit that has to refuse it.
    pub unit: String,
    /// The ID of its drill.
    pub drill: Uuid,
}

impl Heartbeat {
    /// The heartbeat that a message's body is, if it is one.
    pub fn in_body(body: &str) -> Option<Self> {
        detail_of(HEARTBEAT, body)
    }
}

impl Poison {
    /// The poison that a message's body is, if it is that.
    pub fn in_body(body: &str) -> Option<Self> {
        detail_of(POISON, body)
    }
}

fn detail_of<T: for<'de> Deserialize<'de>>(detail_type: &str, body: &str) -> Option<T> {
    // Cheap for every other body.
    if !body.contains(detail_type) {
        return None;
    }
    let envelope = Envelope::parse(body).ok()?;
    // No partner's event is taken for a synthetic one.
    let ours = envelope.detail_type == detail_type && envelope.source.starts_with(OUR_SOURCES);
    serde_json::from_str(envelope.detail.get()).ok().filter(|_| ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

    fn body(source: &str, detail_type: &str, detail: &impl Serialize) -> String {
        let (id, time) = (ID, "2026-11-24T10:00:00Z");
        let event = serde_json::json!({"id": id, "source": source, "detail-type": detail_type, "time": time,
            "detail": detail});
        event.to_string()
    }

    #[test]
    fn heartbeats_and_poison_are_distinguished_from_each_other_and_from_other_events() {
        let heartbeat = Heartbeat { unit: String::from("crm-sync"), heartbeat: ID };
        let poison = Poison { unit: String::from("crm-sync"), drill: ID };
        let text = body(DRILL_SOURCE, HEARTBEAT, &heartbeat);
        assert_eq!(Heartbeat::in_body(&text), Some(heartbeat.clone()));
        assert_eq!(Poison::in_body(&text), None);
        let poisoned = body("coppice.ingress.scim", POISON, &poison);
        assert_eq!(Poison::in_body(&poisoned), Some(poison.clone()));
        assert_eq!(Heartbeat::in_body(&poisoned), None);
        for other in [
            body("aws.partner/crm.example/1", HEARTBEAT, &heartbeat),
            body(DRILL_SOURCE, HEARTBEAT, &poison),
            body(DRILL_SOURCE, "PersonChanged", &heartbeat),
            String::from("Heartbeat"),
        ] {
            assert_eq!(Heartbeat::in_body(&other), None, "{other}");
        }
    }

    #[test]
    fn no_handler_takes_poison_for_an_event() {
        let ingress = serde_json::to_string(&Poison { unit: String::from("crm-sync"), drill: ID }).unwrap();
        assert!(serde_json::from_str::<crate::IngressEvent>(&ingress).is_err());
    }
}
