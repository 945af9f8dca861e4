//! Which letters are meant.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::arguments::Chosen;
use super::message::DeadLettered;

impl Chosen {
    /// Whether a letter is meant, now.
    pub(crate) fn admits(&self, letter: &DeadLettered, now: OffsetDateTime) -> bool {
        let age = now - letter.first_sent_at;
        let names = |id: &String| letter.record.as_ref().is_some_and(|record| record.ids.contains(id));
        (self.class.is_empty() || self.class.contains(&letter.class))
            && (self.message_id.is_empty() || self.message_id.contains(&letter.message_id))
            && self.event_type.as_ref().is_none_or(|wanted| letter.event_type.as_ref() == Some(wanted))
            && self.id.as_ref().is_none_or(names)
            && self
                .worker_version
                .as_ref()
                .is_none_or(|wanted| letter.worker_version.as_ref() == Some(wanted))
            && self.older_than.is_none_or(|limit| age >= limit)
            && self.newer_than.is_none_or(|limit| age < limit)
    }

    /// For the plan's record.
    pub(crate) fn written(&self) -> Value {
        json!({
            "class": self.class,
            "type": self.event_type,
            "id": self.id,
            "message_id": self.message_id,
            "worker_version": self.worker_version,
            "older_than_secs": self.older_than.map(time::Duration::whole_seconds),
            "newer_than_secs": self.newer_than.map(time::Duration::whole_seconds),
        })
    }
}
