//! Webhooks of described APIs: the form and the signature of Standard Webhooks, of which type and ID are kept (see [`standard`]).

use event_contract::{Envelope, Origin, UnreadableEvent};
use provider_webhook::{Webhook, standard};

use crate::connector::RecordEvent;

/// A described API's webhooks, for `webhook-ingress`.
pub const WEBHOOK: Webhook = standard::WEBHOOK;

pub(super) fn read_event(envelope: &Envelope, _: Origin) -> Result<RecordEvent, UnreadableEvent> {
    envelope.ingress_hints().map(RecordEvent::Records)
}
