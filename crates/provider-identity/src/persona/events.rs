//! Reads the cases that an event names. Every event has come through `webhook-ingress`. Webhooks come in any order, so only IDs
//! and times are used: <https://docs.withpersona.com/webhooks>.

use event_contract::{Envelope, RecordHint, UnreadableEvent};

use super::SOURCE;

pub(crate) fn read_event(envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
    envelope.origin(SOURCE, None)?;
    envelope.ingress_hints()
}
