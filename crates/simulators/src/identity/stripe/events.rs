//! What Stripe tells about a change: <https://docs.stripe.com/api/events/object>, by
//! <https://docs.stripe.com/event-destinations/eventbridge>.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::session::view;
use crate::NativeEvent;

/// `source` of the account's events: its partner event source.
pub const STRIPE_SOURCE: &str = "aws.partner/stripe.com/ed_simulated";

/// A change; its methods make the event about it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionChange {
    event_type: String,
    session: Value,
    /// When it happened, in whole seconds as Stripe tells it.
    pub at: OffsetDateTime,
}

impl SessionChange {
    pub(crate) fn new(change: &str, session: Value) -> Self {
        let now = OffsetDateTime::now_utc();
        let event_type = format!("identity.verification_session.{change}");
        Self { event_type, session, at: now.replace_nanosecond(0).unwrap_or(now) }
    }

    /// The partner event, whole. Outputs are in no event.
    pub fn partner_event(&self) -> NativeEvent {
        let detail = json!({
            "id": format!("evt_{}", self.at.unix_timestamp()),
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": self.at.unix_timestamp(),
            "data": { "object": view(&self.session, &[]) },
            "livemode": false,
            "pending_webhooks": 0,
            "request": { "id": null, "idempotency_key": null },
            "type": self.event_type,
        });
        NativeEvent {
            source: STRIPE_SOURCE.to_owned(),
            detail_type: self.event_type.clone(),
            detail: detail.to_string(),
        }
    }
}
