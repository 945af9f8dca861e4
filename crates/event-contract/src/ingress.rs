//! Events of providers that have no native EventBridge source, and messages of resync queues. `webhook-ingress` verifies the
//! provider's signature, keeps the IDs and drops the rest.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;

/// `source` of an ingress event is this and the provider's name: `coppice.ingress.scim`.
pub const INGRESS_SOURCE_PREFIX: &str = "coppice.ingress.";

/// What the provider says has happened to the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IngressChange {
    /// Created or changed: the record should be there.
    Changed,
    /// Deleted: the record should be gone.
    Deleted,
    /// The provider has lost events, or no longer sends them. The event names no record: every record may have changed.
    Missed,
}

/// The detail of an ingress event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngressEvent {
    /// The provider's own IDs of the records to read again. None of them is empty. There are none if events were missed.
    #[serde(deserialize_with = "ids")]
    pub ids: Vec<String>,
    /// What happened to them.
    pub change: IngressChange,
    /// The record's version is not older than this, where the provider says so.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<OffsetDateTime>,
    /// The account at the provider that the event is from, where the provider says so. Its form is that of the provider's
    /// connector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl IngressEvent {
    /// Records that were created or changed, without a bound.
    pub const fn changed(ids: Vec<String>) -> Self {
        Self { ids, change: IngressChange::Changed, not_before: None, account: None }
    }
}

fn ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let ids = Vec::<String>::deserialize(deserializer)?;
    // An empty ID names no record, and in a provider's URL it would name the list of all records.
    if ids.iter().any(String::is_empty) { Err(D::Error::custom("an ID is empty")) } else { Ok(ids) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_events_were_missed_names_no_record() {
        let missed = IngressEvent { change: IngressChange::Missed, ..IngressEvent::changed(Vec::new()) };
        let text = serde_json::to_string(&missed).unwrap();
        assert_eq!(text, r#"{"ids":[],"change":"missed"}"#);
        assert_eq!(serde_json::from_str::<IngressEvent>(&text).unwrap(), missed);
    }

    #[test]
    fn an_empty_id_is_refused() {
        let read = |ids: &str| {
            serde_json::from_str::<IngressEvent>(&format!(r#"{{"ids":{ids},"change":"changed"}}"#))
        };
        assert_eq!(read(r#"["a","b"]"#).unwrap().ids, ["a", "b"]);
        assert!(read(r#"["a",""]"#).is_err());
    }
}
