//! Reads the users that an event names. All events come through `webhook-ingress`, or from a resync job.

use event_contract::{Envelope, IngressChange, Origin, RecordHint, UnreadableEvent};

use super::guid::guid;
use crate::RecordEvent;

/// Of any tenant.
pub(super) fn read_event(envelope: &Envelope, _: Origin) -> Result<RecordEvent, UnreadableEvent> {
    if envelope.ingress_change()? == IngressChange::Missed {
        return Ok(RecordEvent::Everything);
    }
    let spelled = |hint: RecordHint| hint.spelled("a user of Microsoft Entra ID", guid);
    envelope.ingress_hints()?.into_iter().map(spelled).collect::<Result<_, _>>().map(RecordEvent::Records)
}

/// Of this tenant: in another one, the user does not exist.
pub(super) fn read_event_of(
    tenant_id: &str,
    envelope: &Envelope,
    origin: Origin,
) -> Result<RecordEvent, UnreadableEvent> {
    let event = read_event(envelope, origin)?;
    match envelope.ingress_account()? {
        Some(account) if account != tenant_id => Err(UnreadableEvent::OtherAccount { setting: "tenant_id" }),
        _ => Ok(event),
    }
}
