//! Events that `webhook-ingress` and the resync queues make: the same for every provider.

use event_contract::{Envelope, INGRESS_SOURCE_PREFIX, IngressChange, IngressEvent};

use crate::detail::parse;
use crate::{UnreadableEvent, UserChange, UserHint};

/// Whether the event comes from our ingress on behalf of `provider`.
pub(crate) fn is_from_ingress(envelope: &Envelope, provider: &str) -> bool {
    envelope.source.strip_prefix(INGRESS_SOURCE_PREFIX) == Some(provider)
}

/// The users that an ingress event names.
///
/// # Errors
/// [`UnreadableEvent::Shape`] when the detail is not an [`IngressEvent`].
pub(crate) fn read_ingress(envelope: &Envelope) -> Result<Vec<UserHint>, UnreadableEvent> {
    let event: IngressEvent = parse(envelope)?;
    let change = match event.change {
        IngressChange::Changed => UserChange::Present,
        IngressChange::Deleted => UserChange::Deleted,
    };
    let not_before = event.not_before;
    Ok(event.ids.into_iter().map(|id| UserHint { id, change, not_before }).collect())
}
