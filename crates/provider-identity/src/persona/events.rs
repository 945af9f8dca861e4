//! Reads the cases that an event names. Every event has come through `webhook-ingress`.
//!
//! Webhooks: <https://docs.withpersona.com/webhooks>. They come in any order, so only IDs and times are used.

use event_contract::{Envelope, RecordHint, UnreadableEvent};

use super::SOURCE;

/// Which cases the event names. See [`crate::IdentityProvider::read_event`].
pub(crate) fn read_event(envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
    envelope.origin(SOURCE, None)?;
    envelope.ingress_hints()
}
