//! Reads the cases that an event names: partner events of EventBridge, and webhooks that came through `webhook-ingress`.
//!
//! Types: <https://docs.stripe.com/api/events/types>. A rule reduces the event to `id`, `type`, `created`, and the
//! object's `id` and `object`; nothing else is read anyway.

use event_contract::{Envelope, Origin, RecordHint, UnreadableEvent};
use provider_http::lenient::text;
use serde::Deserialize;
use serde_json::Value;

use super::SOURCE;

/// Partner event sources of Stripe: <https://docs.stripe.com/event-destinations/eventbridge>.
const PARTNER_SOURCE_PREFIX: &str = "aws.partner/stripe.com/";

/// The object that an event must be about. The event's type begins with its name.
const SESSION: &str = "identity.verification_session";

/// The fields of the event that we read.
#[derive(Deserialize)]
struct StripeEvent {
    #[serde(rename = "type")]
    event_type: String,
    data: Option<Value>,
}

/// Which cases the event names. See [`crate::IdentityProvider::read_event`].
///
/// No hint has a lower bound in time, since a session has no version to compare it with.
pub(crate) fn read_event(envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
    match envelope.origin(SOURCE, Some(PARTNER_SOURCE_PREFIX))? {
        Origin::Ingress => {
            let unbounded = |hint| RecordHint { not_before: None, ..hint };
            Ok(envelope.ingress_hints()?.into_iter().map(unbounded).collect())
        }
        Origin::Partner => read_partner_event(&envelope.parse_detail()?),
    }
}

fn read_partner_event(event: &StripeEvent) -> Result<Vec<RecordHint>, UnreadableEvent> {
    if !is_about_a_session(&event.event_type) {
        return Ok(Vec::new());
    }
    let object = event.data.as_ref().and_then(|data| data.get("object"));
    let id = text(object.and_then(|object| object.get("id")))
        .ok_or(UnreadableEvent::MissingId { kind: SESSION })?;
    Ok(vec![RecordHint::changed(id.to_owned())])
}

/// True for every kind of change. A kind that Stripe adds later counts, too.
fn is_about_a_session(event_type: &str) -> bool {
    event_type.strip_prefix(SESSION).is_some_and(|change| change.starts_with('.'))
}
