//! Which messages of a DLQ a plan is about, by an operator's choice. Pure.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::message::DeadLettered;

/// Which messages. Every condition that is given has to hold; none: all messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// One of these reasons.
    pub classes: Vec<String>,
    /// This `detail-type`.
    pub event_type: Option<String>,
    /// The message names this record, by its source's ID.
    pub record_id: Option<String>,
    /// One of these messages, by SQS's ID.
    pub message_ids: Vec<String>,
    /// This version of the worker dead-lettered it.
    pub worker_version: Option<String>,
    /// First sent longer ago than this.
    pub older_than: Option<Duration>,
    /// First sent less long ago than this.
    pub newer_than: Option<Duration>,
}

impl Selection {
    pub(super) fn includes(&self, message: &DeadLettered, now: OffsetDateTime) -> bool {
        let age = now - message.first_sent_at;
        let names = |id: &String| message.record.as_ref().is_some_and(|record| record.ids.contains(id));
        let is = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        (self.classes.is_empty() || self.classes.contains(&message.class))
            && (self.message_ids.is_empty() || self.message_ids.contains(&message.message_id))
            && is(&self.event_type, &message.event_type)
            && is(&self.worker_version, &message.worker_version)
            && self.record_id.as_ref().is_none_or(names)
            && self.older_than.is_none_or(|limit| age >= limit)
            && self.newer_than.is_none_or(|limit| age < limit)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "class": self.classes,
            "type": self.event_type,
            "id": self.record_id,
            "message_id": self.message_ids,
            "worker_version": self.worker_version,
            "older_than_secs": self.older_than.map(Duration::whole_seconds),
            "newer_than_secs": self.newer_than.map(Duration::whole_seconds),
        })
    }
}
