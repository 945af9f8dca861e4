//! Reads the cases that an event names: partner events of EventBridge, and webhooks that came through `webhook-ingress`. Types:
//! <https://docs.stripe.com/api/events/types>.

use event_contract::{Envelope, Origin, RecordHint, UnreadableEvent};
use provider_http::lenient::text;
use serde::Deserialize;
use serde_json::Value;

use super::account::Account;
use crate::RecordEvent;

/// Partner event sources of Stripe: <https://docs.stripe.com/event-destinations/eventbridge>.
pub(super) const PARTNER_SOURCES: &str = "aws.partner/stripe.com/";

/// The event's type begins with it.
const SESSION: &str = "identity.verification_session";

#[derive(Deserialize)]
struct StripeEvent {
    #[serde(rename = "type")]
    event_type: String,
    data: Option<Value>,
}

/// The account that an event is from.
pub(super) fn account(envelope: &Envelope, origin: Origin) -> Result<Account, UnreadableEvent> {
    let account = match origin {
        Origin::Ingress => match envelope.ingress_account()? {
            Some(text) => Account::from_text(&text),
            None => Some(Account::default()),
        },
        Origin::Partner => Account::of_event(&envelope.parse_detail()?),
    };
    account.ok_or(UnreadableEvent::NotAnId { of: "an account of Stripe" })
}

pub(super) fn read_event(envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent> {
    let sessions: Result<Vec<RecordHint>, UnreadableEvent> = match origin {
        Origin::Ingress => {
            // A session has no version to compare a bound with.
            let unbounded = |hint| session(RecordHint { not_before: None, ..hint });
            envelope.ingress_hints()?.into_iter().map(unbounded).collect()
        }
        Origin::Partner => read_partner_event(&envelope.parse_detail()?),
    };
    sessions.map(RecordEvent::Records)
}

fn read_partner_event(event: &StripeEvent) -> Result<Vec<RecordHint>, UnreadableEvent> {
    if !is_about_a_session(&event.event_type) {
        return Ok(Vec::new());
    }
    let object = event.data.as_ref().and_then(|data| data.get("object"));
    let id = text(object.and_then(|object| object.get("id")))
        .ok_or(UnreadableEvent::MissingId { kind: SESSION })?;
    session(RecordHint::changed(id.to_owned())).map(|hint| vec![hint])
}

fn session(hint: RecordHint) -> Result<RecordHint, UnreadableEvent> {
    hint.spelled("a verification session of Stripe", |id| is_session_id(id).then(|| id.to_owned()))
}

/// True for `vs_` and what Stripe puts behind it: letters, digits and underscores.
pub(super) fn is_session_id(text: &str) -> bool {
    let rest = text.strip_prefix("vs_").filter(|rest| !rest.is_empty());
    rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

fn is_about_a_session(event_type: &str) -> bool {
    // A kind of change that Stripe adds later counts, too.
    event_type.strip_prefix(SESSION).is_some_and(|change| change.starts_with('.'))
}
