//! Reads the users that an event names. All events come through `webhook-ingress`, or from a resync job.

use event_contract::{Envelope, IngressChange, RecordHint, UnreadableEvent};

use super::SOURCE;
use super::guid::guid;
use super::settings::TENANT_ID;

/// Of any tenant.
pub(crate) fn read_event(envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
    envelope.origin(SOURCE, None)?;
    if envelope.ingress_change()? == IngressChange::Missed {
        return Ok(vec![RecordHint::everything()]);
    }
    let spelled = |hint: RecordHint| hint.spelled("a user of Microsoft Entra ID", guid);
    envelope.ingress_hints()?.into_iter().map(spelled).collect()
}

/// Of this tenant: in another one, the user does not exist.
pub(crate) fn read_event_of(
    tenant_id: &str,
    envelope: &Envelope,
) -> Result<Vec<RecordHint>, UnreadableEvent> {
    let hints = read_event(envelope)?;
    match envelope.ingress_account()? {
        Some(account) if account != tenant_id => {
            Err(UnreadableEvent::OtherAccount { setting: TENANT_ID.name })
        }
        _ => Ok(hints),
    }
}
