//! Events that `webhook-ingress` and the resync queues make: the same for every CRM.

use event_contract::{Envelope, INGRESS_SOURCE_PREFIX, IngressChange, IngressEvent};

use crate::{ContactChange, ContactHint, UnreadableEvent};

/// Whether the event comes from our ingress on behalf of `provider`.
pub(crate) fn is_from_ingress(envelope: &Envelope, provider: &str) -> bool {
    envelope.source.strip_prefix(INGRESS_SOURCE_PREFIX) == Some(provider)
}

/// The contacts that an ingress event names.
///
/// # Errors
/// [`UnreadableEvent::Shape`] when the detail is not an [`IngressEvent`].
pub(crate) fn read_ingress(envelope: &Envelope) -> Result<Vec<ContactHint>, UnreadableEvent> {
    let event: IngressEvent =
        serde_json::from_str(envelope.detail.get()).map_err(|error| UnreadableEvent::shape(&error))?;
    let change = match event.change {
        IngressChange::Changed => ContactChange::Present,
        IngressChange::Deleted => ContactChange::Deleted,
    };
    let not_before = event.not_before;
    Ok(event.ids.into_iter().map(|id| ContactHint { id, change, not_before }).collect())
}
