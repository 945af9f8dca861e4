//! Reading an event's detail: strictly where it tells what kind of event it is, leniently everywhere else.

use event_contract::Envelope;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::UnreadableEvent;

/// The detail in a provider's shape.
///
/// # Errors
/// [`UnreadableEvent::Shape`] when it does not have it.
pub(crate) fn parse<T: DeserializeOwned>(envelope: &Envelope) -> Result<T, UnreadableEvent> {
    serde_json::from_str(envelope.detail.get()).map_err(|error| UnreadableEvent::shape(&error))
}

/// A text if it is one, and not empty.
pub(crate) fn text(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.is_empty())
}
