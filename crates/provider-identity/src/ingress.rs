//! Events that `webhook-ingress` and the resync queues make: the same for every provider.

use event_contract::{Envelope, INGRESS_SOURCE_PREFIX, IngressEvent};

use crate::detail::parse;
use crate::{CaseHint, UnreadableEvent};

/// Whether the event comes from our ingress on behalf of `provider`.
pub(crate) fn is_from_ingress(envelope: &Envelope, provider: &str) -> bool {
    envelope.source.strip_prefix(INGRESS_SOURCE_PREFIX) == Some(provider)
}

/// The cases that an ingress event names. What it says has happened to them is not looked at: the case itself tells.
///
/// # Errors
/// [`UnreadableEvent::Shape`] when the detail is not an [`IngressEvent`].
pub(crate) fn read_ingress(envelope: &Envelope) -> Result<Vec<CaseHint>, UnreadableEvent> {
    let IngressEvent { ids, not_before, .. } = parse(envelope)?;
    Ok(ids.into_iter().map(|id| CaseHint { id, not_before }).collect())
}
