//! From an event to case hints. Every event has come through our ingress.
//!
//! Webhooks: <https://docs.withpersona.com/webhooks>. They come in any order, so what they say is never used.

use event_contract::Envelope;

use super::SOURCE;
use crate::ingress::{is_from_ingress, read_ingress};
use crate::{CaseHint, UnreadableEvent};

/// Which cases the event names. See [`crate::IdentityProvider::read_event`].
pub(crate) fn read_event(envelope: &Envelope) -> Result<Vec<CaseHint>, UnreadableEvent> {
    if !is_from_ingress(envelope, SOURCE) {
        return Err(UnreadableEvent::ForeignSource { expected: SOURCE });
    }
    read_ingress(envelope)
}
