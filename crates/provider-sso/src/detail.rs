//! Reading an event's detail: strictly where it tells what kind of event it is, leniently everywhere else.
//!
//! A field that is only a hint and cannot be read is none, and not a fault of the event.

use event_contract::Envelope;
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::UnreadableEvent;

/// The detail in a provider's shape.
///
/// # Errors
/// [`UnreadableEvent::Shape`] when it does not have it.
pub(crate) fn parse<T: DeserializeOwned>(envelope: &Envelope) -> Result<T, UnreadableEvent> {
    serde_json::from_str(envelope.detail.get()).map_err(|error| UnreadableEvent::shape(&error))
}

/// A time if it is one.
pub(crate) fn lenient_time(value: Option<&Value>) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(value?.as_str()?, &Rfc3339).ok()
}

/// A text if it is one, and not empty.
pub(crate) fn text(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.is_empty())
}
