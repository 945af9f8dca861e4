//! Reads the contacts that an event names. Events come through `webhook-ingress` or a resync queue.

use event_contract::{Envelope, UnreadableEvent};

use super::SOURCE;
use super::numeric_id::numeric_id;
use crate::CrmEvent;

pub(crate) fn read_event(envelope: &Envelope) -> Result<CrmEvent, UnreadableEvent> {
    envelope.origin(SOURCE, None)?;
    let hints = envelope.ingress_hints()?.into_iter();
    let hints = hints.map(|hint| hint.spelled("a contact of HubSpot", numeric_id));
    hints.collect::<Result<_, _>>().map(CrmEvent::Contacts)
}
