//! Reads the contacts that an event names. Events come through `webhook-ingress` or a resync queue.

use event_contract::{Envelope, Origin, UnreadableEvent};

use super::numeric_id::numeric_id;
use crate::RecordEvent;

pub(super) fn read_event(envelope: &Envelope, _: Origin) -> Result<RecordEvent, UnreadableEvent> {
    let hints = envelope.ingress_hints()?.into_iter();
    let hints = hints.map(|hint| hint.spelled("a contact of HubSpot", numeric_id));
    hints.collect::<Result<_, _>>().map(RecordEvent::Records)
}
